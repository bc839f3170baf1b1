"""Kernels as PTX for sm_90, compiled without a GPU from what a launch would be given."""

import re
import sys
import types
from contextlib import contextmanager

import numpy as np

from genomes import backend, each
from genomes.functions.activations import tanh
from genomes.kernels import binding_cuda
from tests.cuda import stand_in


def tanh_rows(code, values, first):
    """A switch over functions that compiles fast."""
    values[first] = tanh(values[first])


class Hopper:
    """What kernels ask of a device."""

    compute_capability = (9, 0)
    attributes = types.MappingProxyType({"MultiProcessorCount": 132})


class OneThread:
    """What kernels see of numba.cuda, in plain Python."""

    blockIdx = threadIdx = types.SimpleNamespace(x=0)
    blockDim = gridDim = types.SimpleNamespace(x=1)

    class shared:
        def array(size, dtype):
            return np.empty(size, str(dtype))

    class atomic:
        def cas(array, index, old, new):
            found = array[index]
            if found == old:
                array[index] = new
            return found

        def add(array, index, value):
            array[index] += value
            return array[index] - value

    def syncthreads():
        pass


def run(kernel, arguments):
    """Run a kernel as one thread. Products are those of Python, which fuses nothing."""
    bindings = {name: value for name, value in kernel.bindings.items() if name != "times"}
    function = binding_cuda.rebuild(type(kernel)(kernel.function, bindings), lambda function: function)
    function.__globals__["cuda"] = OneThread
    function(*on_host(arguments))


def on_host(value):
    """Arguments, the device's arrays being NumPy's; those of the host are refused, but for records."""
    if isinstance(value, tuple):
        return tuple(map(on_host, value))
    assert not isinstance(value, np.ndarray) or isinstance(value, np.recarray), "a kernel is given an array of the host"
    return value.host if isinstance(value, stand_in.DeviceArray) else value


@contextmanager
def captured(monkeypatch, running=False, compiling=True):
    """Launches are compiled, and where ``running`` done by one thread; gives a list of (kernel, its PTX)."""
    from numba import cuda
    from numba.cuda import compiler, dispatcher

    found = []

    def launch(self, blocks, threads, shared, *arguments):
        stand_in.COUNTS["launches"] += 1
        if not any(self is kernel for kernel, _ in found):
            found.append((self, ptx_of(self, arguments) if compiling else ""))
        if running:
            run(self, arguments)

    for module in (compiler, dispatcher):
        monkeypatch.setattr(module, "get_current_device", Hopper)
    monkeypatch.setattr(binding_cuda.CudaKernel, "launch", launch)
    monkeypatch.setattr(binding_cuda, "as_argument", lambda value: value)
    monkeypatch.setattr(cuda, "to_device", lambda records: records.view(np.recarray))
    monkeypatch.setitem(sys.modules, "cupy", stand_in.cupy(Hopper))
    for cached in (backend.multiprocessors, each._nothing):
        cached.cache_clear()
    yield found
    for cached in (backend.multiprocessors, each._nothing):
        cached.cache_clear()


def ptx_of(kernel, arguments):
    """The PTX of a kernel for arguments like these."""
    from numba import cuda
    from numba.cuda import types as numba_types
    from numba.cuda.typing.typeof import typeof

    signature = numba_types.void(*map(typeof, on_host(arguments)))
    text, _ = cuda.compile_ptx(kernel.rebuilt, signature, cc=(9, 0), device=False)
    return text


def doubles(ptx):
    """Instructions of float64, by name."""
    return sorted(set(re.findall(r"^\s*(?:@!?%p\d+ )?([a-z][\w.]*\bf64[\w.]*)", ptx, re.MULTILINE)))
