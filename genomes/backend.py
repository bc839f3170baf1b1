"""Devices: the only import of CuPy and numba.cuda. CuPy owns memory, transfers and reductions; Numba compiles kernels.

In Numba's CUDA simulator (``NUMBA_ENABLE_CUDASIM=1`` before the first import) NumPy stands in for CuPy.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DEVICES",
    "DeviceError",
    "arrays",
    "arrays_of",
    "check_device",
    "cuda_problem",
    "device_name",
    "moved",
    "multiprocessors",
    "numbers",
    "on_gpu",
    "products_problem",
    "records_to_device",
    "simulated",
    "synchronize",
    "to_device",
    "to_host",
]

DEVICES = ("auto", "cpu", "cuda")
# What "auto" takes the GPU for. So many multiply-adds are 50 ms of two cores; beside that, launches and the networks'
# way to the card (a few ms at most) are small. And a multiprocessor wants a warp of threads at least, 4,224 on an H100:
# with fewer a thread's chain of operations is all the time, however little work there is. Reckoned, not measured: the
# section "crossover" of `experiments.bench.gpu` measures it.
_LEAST_WORK, _LEAST_THREADS = 1e9, 4096
_SIMULATED_MULTIPROCESSORS = 2


class DeviceError(RuntimeError):
    """The device cannot be used here; the message says why."""


def __getattr__(name: str) -> Any:
    """``cuda``: the module numba.cuda; ``libdevice``: the functions of the GPU's own."""
    if name == "cuda":
        from numba import cuda

        return cuda
    if name == "libdevice":
        from numba.cuda import libdevice

        return libdevice
    raise AttributeError(name)


def arrays() -> Any:
    """CuPy, or NumPy in the simulator."""
    if simulated():
        return np
    import cupy

    return cupy


@cache
def simulated() -> bool:
    """Whether kernels run in Numba's CUDA simulator."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "1"


@cache
def cuda_problem() -> str | None:
    """Why ``device="cuda"`` cannot be used here, in a line; None if it can."""
    needed = ["numba_cuda"] if simulated() else ["numba_cuda", "cupy"]
    missing = [package.replace("_", "-") for package in needed if find_spec(package) is None]
    if missing:
        return f"{' and '.join(missing)} missing: install the extra gpu, pip install 'speciate[gpu]'"
    if simulated():
        return None
    try:
        import cupy
        from numba import cuda

        if not cupy.is_available():
            return "no usable CUDA GPU was found"
        if cuda.is_available():
            return None
        problem = cuda.cuda_error() or "it finds no NVVM: set CUDA_HOME, or pip install 'numba-cuda[cu13]'"
        return f"there is a GPU, but numba-cuda cannot use it: {' '.join(problem.split())}"
    except Exception as error:  # a broken driver or toolkit fails in many ways
        return f"no usable CUDA GPU was found: {str(error).splitlines()[0] if str(error) else type(error).__name__}"


@cache
def products_problem() -> str | None:
    """Why the GPU cannot multiply matrices, in a line; None if it can."""
    if simulated():
        return None
    try:
        from cuda.pathfinder import load_nvidia_dynamic_lib

        load_nvidia_dynamic_lib("cublas")
    except Exception:  # whatever keeps it from being found
        return "dense nets are multiplied by cuBLAS, which is missing: pip install 'cuda-toolkit[cublas]==13.0.*'"
    return None


def check_device(device: str) -> None:
    """Whether networks can compute on ``device``.

    Raises
    ------
    ValueError : there is no such device.
    DeviceError : ``"cuda"`` without a usable GPU, or without the packages for it.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    problem = cuda_problem() if device == "cuda" else None
    if problem is not None:
        raise DeviceError(f"device 'cuda': {problem}")


def on_gpu(device: str, work: float, threads: int) -> bool:
    """Whether work is done on the GPU: for ``"auto"`` where there is one and it gains.

    Parameters
    ----------
    work : multiply-adds; an activation counts as two.
    threads : what can go on at the same time: rows of all networks on data, episodes in closed loop.
    """
    large = work >= _LEAST_WORK and threads >= _LEAST_THREADS
    return device == "cuda" or (device == "auto" and large and cuda_problem() is None)


def arrays_of(device: str) -> Any:
    """NumPy, or for "cuda" what stands in for it there."""
    return arrays() if device == "cuda" else np


def to_device(array: Any) -> Any:
    """A copy in the memory of the device; an array that is there already stays as it is."""
    return arrays().asarray(np.ascontiguousarray(array)) if isinstance(array, np.ndarray) else array


def records_to_device(records: NDArray[Any]) -> Any:
    """A copy of an array of structures, which CuPy does not know, as numba.cuda takes it."""
    if simulated():
        return records.view(np.recarray)  # has its fields as attributes, as in compiled code
    from numba import cuda

    return cuda.to_device(records)


def to_host(array: Any) -> NDArray[Any]:
    """A copy in the memory of the host, once all kernels before it are done; an array of the host's stays as it is."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.get())


def moved(array: Any, device: str) -> Any:
    """The array in the memory of "cpu" or "cuda"."""
    return to_device(array) if device == "cuda" else to_host(array)


def numbers(*values: Any) -> list[int]:
    """Whole numbers that arrays without dimensions hold, on either device: a single transfer, which waits."""
    if all(isinstance(value, int | np.generic | np.ndarray) for value in values):
        return [int(value) for value in values]
    xp = arrays()
    return [int(value) for value in xp.stack([xp.asarray(value, np.int64) for value in values]).get()]


def synchronize() -> None:
    """Wait for all kernels."""
    if not simulated():
        arrays().cuda.Device().synchronize()


@cache
def multiprocessors() -> int:
    """Multiprocessors of the device: what blocks of threads run on."""
    if simulated():
        return _SIMULATED_MULTIPROCESSORS
    return int(arrays().cuda.Device().attributes["MultiProcessorCount"])


def device_name() -> str:
    """Name of the GPU."""
    if simulated():
        return "simulator"
    return str(arrays().cuda.runtime.getDeviceProperties(0)["name"].decode())
