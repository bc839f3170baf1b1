"""Compile a kernel together with everything that it reaches, and keep the machine code on disk.

Numba's own ``cache=True`` looks at the file of the compiled function only: an edit in an imported helper goes unseen,
and a kernel built around a user's function (a closure) is never cached. So a kernel is rebuilt: it and every plain
Python function that it reaches become new functions whose names carry a digest of all their contents. Then Numba's
cache key follows the contents, wherever the functions come from (a module, ``__main__``, a notebook).
"""

from __future__ import annotations

import hashlib
import os
import types
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Kernel", "borrowing", "compiling", "is_compile_error", "kernel", "prune", "rebuild"]

_TRANSPARENT_MODULES = {"math", "numpy", "numba"}
_CACHED_VARIANTS = 64
_BORROWS = "borrows"  # attribute of functions


class Kernel:
    """A compiled function of arrays and scalars; compiled on its first call, from disk where it can be.

    Parameters
    ----------
    function : plain Python function that Numba can compile. Global functions it refers to are compiled with it.
    bindings : replacements for global names, in ``function`` and in everything that it reaches; not inside a
        replacement itself, whose author may use these names for something else, unless it is a kernel: a template, too.
    """

    def __init__(self, function: Callable[..., Any], bindings: dict[str, Any] | None = None) -> None:
        self.function = function
        self.bindings = dict(bindings or {})
        self._variants: dict[tuple[Any, ...], Kernel] = {}
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def bind(self, **replacements: Any) -> Kernel:
        """The same kernel with global names bound to other functions or constants; equal requests share a kernel."""
        key = tuple(sorted((name, id(value)) for name, value in replacements.items()))
        if key not in self._variants:
            self._variants[key] = type(self)(self.function, self.bindings | replacements)
        return self._variants[key]

    @cached_property
    def digest(self) -> str:
        """A digest of the kernel's code and of everything that it reaches."""
        state = hashlib.sha256()
        _Reach(self.bindings).feed(self.function, state)
        return state.hexdigest()[:16]

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        """The Numba dispatcher (nogil, cached on disk)."""
        import numba

        _watch_compiler()
        rebuilt = rebuild(self, _compile_helper)
        dispatcher: Any = numba.njit(nogil=True, error_model="numpy", cache=True, no_cfunc_wrapper=True)(rebuilt)
        prune(dispatcher, self.function.__name__)
        return dispatcher  # type: ignore[no-any-return]

    def __call__(self, *arguments: Any) -> Any:
        return self.compiled(*arguments)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Decorator: make a `Kernel` of a plain Python function."""
    return Kernel(function)


def compiling() -> bool:
    """Whether this process is compiling a kernel now, rather than loading or running one."""
    return _compilations > 0


_compilations = 0  # under way: Numba compiles helpers within a kernel


@cache
def _watch_compiler() -> None:
    from numba.core import event

    class Watch(event.Listener):  # type: ignore[misc]
        def on_start(self, _: object) -> None:
            global _compilations
            _compilations += 1

        def on_end(self, _: object) -> None:
            global _compilations
            _compilations -= 1

    event.register("numba:compile", Watch())


def is_compile_error(error: BaseException) -> bool:
    """Whether a kernel could not be compiled, rather than failed."""
    from numba.core.errors import NumbaError

    # numba and numba-cuda have a class of this name each, which is no NumbaError.
    return isinstance(error, NumbaError) or type(error).__name__ == "UnsupportedBytecodeError"


def global_names(code: types.CodeType) -> Iterator[str]:
    """Names that a function's code, nested code included, may look up among its globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


def _plain_function(value: Any) -> types.FunctionType | None:
    """The Python function behind ``value``: itself, a kernel's, or a Numba dispatcher's."""
    if isinstance(value, Kernel):
        value = value.function
    value = getattr(value, "py_func", value)
    return value if isinstance(value, types.FunctionType) else None


def _is_intrinsic(value: Any) -> bool:
    return type(value).__name__ == "_Intrinsic"


class _Reach:
    """Walks what a function refers to, and feeds its contents to a hash."""

    def __init__(self, bindings: dict[str, Any]) -> None:
        self.bindings = bindings
        self.seen: dict[Any, int] = {}

    def references(self, function: types.FunctionType, bound: bool) -> dict[str, tuple[Any, bool]]:
        """Global name -> (value, whether it is part of a replacement), for each global that the code refers to;
        ``bound`` says whether the function is part of one."""
        found: dict[str, tuple[Any, bool]] = {}
        for name in global_names(function.__code__):
            if name in self.bindings and not bound:
                value = self.bindings[name]
                found[name] = value, not isinstance(value, Kernel)
            elif name in function.__globals__:
                found[name] = function.__globals__[name], bound
        return found

    def feed(self, value: Any, state: Any, bound: bool = False) -> None:
        function = _plain_function(value)
        if function is not None:
            self._feed_function(function, state, bound)
        elif _is_intrinsic(value):
            self._feed_function(value._defn, state, bound)
        elif isinstance(value, np.ndarray):
            state.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
        elif isinstance(value, tuple):
            for item in value:
                self.feed(item, state, bound)
        elif isinstance(value, types.ModuleType | type):
            state.update(value.__name__.encode())
        else:
            state.update(f"{type(value).__name__}{value!r}".encode())

    def _feed_function(self, function: types.FunctionType, state: Any, bound: bool) -> None:
        if (function, bound) in self.seen:
            state.update(f"seen {self.seen[function, bound]}".encode())
            return
        self.seen[function, bound] = len(self.seen)
        _feed_code(function.__code__, state)
        self.feed(function.__defaults__ or (), state, bound)
        for cell in function.__closure__ or ():
            self.feed(cell.cell_contents, state, bound)
        for name, (value, inner) in sorted(self.references(function, bound).items()):
            state.update(name.encode())
            self.feed(value, state, inner)


def _feed_code(code: types.CodeType, state: Any) -> None:
    state.update(code.co_code + repr((code.co_names, code.co_varnames, code.co_freevars)).encode())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _feed_code(constant, state)
        else:
            state.update(f"{type(constant).__name__}{constant!r}".encode())


def rebuild(kernel: Kernel, compile_helper: Callable[[types.FunctionType], Any]) -> types.FunctionType:
    """The kernel's function as a new one, whose globals are new functions, too, given to ``compile_helper``."""
    return _Rebuild(kernel.bindings, kernel.digest, compile_helper).function(kernel.function)  # type: ignore[arg-type]


def borrowing(function: Callable[..., Any]) -> Kernel:
    """Decorator: make a `Kernel` of a function that makes no arrays. It does not count the references to those that it
    is given, which costs an atomic operation for each array of a tuple."""
    function.__dict__[_BORROWS] = True
    return Kernel(function)


def _compile_helper(function: types.FunctionType) -> Any:
    import numba

    # Helpers are never called from Python: without the wrappers for that they compile a fifth faster.
    inline = not has_loop(function)
    options = {"forceinline": inline, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    options["_nrt"] = _BORROWS not in function.__dict__
    return numba.njit(error_model="numpy", **options)(function)


class _Rebuild:
    """Makes new functions out of a function and all that it reaches, with a digest in every name."""

    def __init__(
        self, bindings: dict[str, Any], digest: str, compile_helper: Callable[[types.FunctionType], Any]
    ) -> None:
        self.reach = _Reach(bindings)
        self.digest = digest
        self.compile_helper = compile_helper
        self.helpers: dict[tuple[types.FunctionType, bool], Any] = {}

    def value(self, name: str, value: Any, bound: bool) -> Any:
        function = _plain_function(value)
        if function is not None:
            return self.helper(function, bound)
        if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] not in _TRANSPARENT_MODULES:
            raise TypeError(
                f"a compiled function refers to the module {value.__name__!r} as {name!r}: "
                f"its contents cannot be followed; import the functions and constants it needs by name"
            )
        return value

    def helper(self, function: types.FunctionType, bound: bool) -> Any:
        key = function, bound
        if key not in self.helpers:
            self.helpers[key] = None
            self.helpers[key] = self.compile_helper(self.function(function, bound))
        if self.helpers[key] is None:
            raise TypeError(f"{function.__qualname__} calls itself: compiled functions cannot be recursive")
        return self.helpers[key]

    def function(self, function: types.FunctionType, bound: bool = False) -> types.FunctionType:
        # Numba imports a cached function's module again: a user's may be gone by then, this one is there.
        scope = {"__builtins__": __builtins__, "__name__": __name__}
        references = self.reach.references(function, bound)
        scope |= {name: self.value(name, value, inner) for name, (value, inner) in references.items()}
        name = f"{function.__name__}_{self.digest}"
        cells = tuple(
            types.CellType(self.value(name, cell.cell_contents, bound))
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        )
        code = function.__code__.replace(co_name=name, co_qualname=name)
        if not os.path.isfile(code.co_filename):  # typed, or sent from another process: Numba wants a file to cache
            code = code.replace(co_filename=__file__)
        rebuilt = types.FunctionType(code, scope, name, function.__defaults__, cells)
        rebuilt.__qualname__ = name
        rebuilt.__dict__.update(function.__dict__)
        return rebuilt


def has_loop(function: types.FunctionType) -> bool:
    """Whether the function's own code goes round a loop."""
    import dis

    return any(instruction.opname.startswith("JUMP_BACKWARD") for instruction in dis.get_instructions(function))


def prune(dispatcher: Any, name: str) -> None:
    """Keep only the most recent variants of a kernel on disk: each edit and each user function makes another."""
    folder = Path(dispatcher.stats.cache_path)
    entries = sorted(_entries(folder, name), key=_modified, reverse=True)
    for index in entries[_CACHED_VARIANTS:]:
        for file in folder.glob(index.name.removesuffix(".nbi") + "*"):
            file.unlink(missing_ok=True)


def _entries(folder: Path, name: str) -> Iterable[Path]:
    return folder.glob(f"*.{name}_" + "[0-9a-f]" * 16 + "-*.nbi") if folder.is_dir() else ()


def _modified(file: Path) -> float:
    try:
        return os.stat(file).st_mtime
    except FileNotFoundError:
        return 0.0
