"""A stand-in for CuPy without a GPU: as strict as CuPy about arrays of the host, and counting what crosses.

What is not here has not been looked up in CuPy yet.
"""

import types

import numpy as np

# Functions of CuPy that do what NumPy's do, and take arrays of the device only.
ALIKE = (
    "arange", "argmin", "argsort", "ascontiguousarray", "broadcast_to", "concatenate", "cumsum", "diff",
    "empty", "empty_like", "expm1", "flatnonzero", "full", "isfinite", "ones", "searchsorted", "stack", "where",
    "zeros", "zeros_like",
)  # fmt: skip
METHODS = (
    "all",
    "any",
    "argsort",
    "astype",
    "copy",
    "max",
    "mean",
    "min",
    "ravel",
    "reshape",
    "sum",
    "transpose",
    "view",
)


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that NumPy's do not mix with."""

    def __init__(self, host):
        self.host = host

    dtype, shape, size, ndim, nbytes = (
        property(lambda self, name=name: getattr(self.host, name))
        for name in ("dtype", "shape", "size", "ndim", "nbytes")
    )
    T = property(lambda self: DeviceArray(self.host.T))
    __cuda_array_interface__ = property(lambda self: {})

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        assert method == "__call__" and options.keys() <= {"out"}, (ufunc, method, options)
        return wrap(ufunc(*map(unwrap, inputs), **unwrap(options)))

    def __array_function__(self, function, types, arguments, options):
        assert function.__name__ in ALIKE, f"cupy.{function.__name__}: not looked up yet"
        return wrap(function(*unwrap(arguments), **unwrap(options)))

    def __getitem__(self, index):
        return wrap(self.host[unwrap(index)])

    def __setitem__(self, index, value):
        self.host[unwrap(index)] = unwrap(value)

    def __len__(self):
        return len(self.host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __int__(self):
        COUNTS["waits"] += 1
        return int(self.host)

    def __bool__(self):
        COUNTS["waits"] += 1
        return bool(self.host)

    def get(self):
        COUNTS["waits"] += 1
        COUNTS["bytes to host"] += self.nbytes
        return self.host.copy()


def method(name):
    def call(self, *arguments, **options):
        assert "initial" not in options
        return wrap(getattr(self.host, name)(*unwrap(arguments), **options))

    return call


for name in METHODS:
    setattr(DeviceArray, name, method(name))

COUNTS = dict.fromkeys(("launches", "operations", "waits", "bytes to host", "bytes to device"), 0)


def wrap(value):
    """A result, which is on the device, be it without dimensions."""
    COUNTS["operations"] += 1
    if isinstance(value, tuple | list):
        return type(value)(map(wrap, value))
    return DeviceArray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def unwrap(value):
    """What NumPy takes; arrays of the host are refused."""
    if isinstance(value, tuple | list):
        return type(value)(map(unwrap, value))
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    assert not isinstance(value, np.ndarray), f"an array of the host among those of the device: {value!r}"
    return value.host if isinstance(value, DeviceArray) else value


def asarray(value, dtype=None):
    if not isinstance(value, DeviceArray):
        host = np.array(value, dtype)
        COUNTS["bytes to device"] += host.nbytes
        return DeviceArray(host)
    return DeviceArray(np.asarray(value.host, dtype))


def array(value, dtype=None):
    return DeviceArray(np.array(asarray(value, dtype).host))


def alike(name):
    function = getattr(np, name)

    def call(*arguments, **options):
        COUNTS["waits"] += name == "flatnonzero"  # the host must know how many there are
        return wrap(function(*unwrap(arguments), **unwrap(options)))

    return call


def cupy(device):
    """The module, for a GPU with these attributes."""
    module = types.ModuleType("cupy")
    module.__dict__.update({name: alike(name) for name in ALIKE}, asarray=asarray, array=array, ndarray=DeviceArray)
    module.cuda = types.SimpleNamespace(Device=device)
    return module
