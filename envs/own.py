"""Modules of the user's own, in a folder that is on no search path.

While a module is imported, its folder comes first on the search path, as the folder of a script does; afterwards the
folder is off the path again, and no file in it stands in for a module of the standard library or an installed one.
What a function of the user's imports when it is called is looked for in the folder last of all.

Modules of one folder at a time are known to Python by their names: those of another folder are forgotten first, so
that two folders may each have a module of the same name. Functions that are at hand already stay as they are.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

__all__ = ["Carrying", "RunsAgain", "import_own", "importing_from", "own_files", "require_no_import"]

_KEPT = {"__main__", "envs", "experiments", "genomes", "neat"}  # never replaced by a module of the user's
_INSTALLED = {"site-packages", "dist-packages"}
_lock = threading.RLock()
_importing: list[str] = []  # modules that `import_own` is at


class RunsAgain(RuntimeError):
    """A module begins a run where only what it holds is asked for."""


class _Home:
    """The folder whose modules Python knows now; the last of the finders (see `sys.meta_path`)."""

    folder = ""
    before: frozenset[str] = frozenset()  # top-level modules that were there already
    roots: ClassVar[dict[str, ModuleType]] = {}  # what `import_own` was asked for

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Where a module lies that nobody else has found."""
        return PathFinder.find_spec(name, [cls.folder]) if path is None and cls.folder else None


class Carrying:
    """Pickled, it becomes ``work`` in another process, which first imports the user's modules from where they are."""

    def __init__(self, work: Any) -> None:
        self.work = work

    def __reduce__(self) -> Any:
        return _last_of, (_Modules(), self.work)  # unpickled in this order


class _Modules:
    def __reduce__(self) -> Any:
        return _import_all, (_Home.folder, tuple(_Home.roots))


def own_files(name: str, folder: str | Path) -> list[Path]:
    """The files in ``folder`` that importing the module ``name`` runs: its own, after those of its packages; empty
    where the folder has no such module, or Python has one built in."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts) or parts[0] in _KEPT or _is_built_in(parts[0]):
        return []
    files, places = [], [str(folder)]
    for k in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: k + 1]), places) if places else None
        if spec is None:
            break
        if spec.origin is not None:
            files.append(Path(spec.origin))
        places = list(spec.submodule_search_locations or ())
    return files


def import_own(name: str, folder: str | Path) -> ModuleType:
    """The module ``name`` of ``folder``; where the folder has none, an installed one, which nothing in the folder takes
    part in."""
    home = os.path.realpath(folder)
    with _lock:
        if not own_files(name, home):
            if _Home.folder != home:
                _move("")
            return importlib.import_module(name)
        _move(home)
        if name not in _Home.roots:
            _importing.append(name)
            try:
                with importing_from(home, name):
                    _Home.roots[name] = importlib.import_module(name)
            finally:
                _importing.remove(name)
        return _Home.roots[name]


def require_no_import(does: str) -> None:
    """`RunsAgain` while a module of the user's is imported for what it holds: a script that is imported so would begin
    its run again, and with ``overwrite=True`` replace the run that somebody looks at."""
    if _importing:
        module = _importing[-1]
        raise RunsAgain(
            f'the module {module!r} {does} while it is imported: put that call below if __name__ == "__main__":'
        )


@contextmanager
def importing_from(folder: str | Path, name: str) -> Iterator[None]:
    """While it lasts, modules are found in ``folder`` first, if it has the module ``name``: that, and those beside."""
    home = os.path.realpath(folder)
    if not own_files(name, home):
        yield
        return
    with _lock:
        _move(home)
        others = _others(home, name.partition(".")[0])
        aside = _take(others)
        sys.path.insert(0, home)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            with suppress(ValueError):
                sys.path.remove(home)
            _take({top for top in _tops() if top in sys.stdlib_module_names and top not in _Home.before} & _of(home))
            _take(others)
            sys.modules.update(aside)


def _last_of(_: Any, work: Any) -> Any:
    return work


def _import_all(folder: str, names: tuple[str, ...]) -> None:
    for name in names:
        import_own(name, folder)


def _move(home: str) -> None:
    """Forget the modules of the folder before."""
    if home == _Home.folder:
        return
    if _Home not in sys.meta_path:
        sys.meta_path.append(_Home)
    _take(_of(_Home.folder) - _Home.before)
    _Home.folder, _Home.before, _Home.roots = home, frozenset(_tops()), {}


def _others(home: str, root: str) -> set[str]:
    """Top-level modules that stand in the way of those in the folder: of the name asked for, or a script's own."""
    candidates = _tops() - _KEPT - _of(home)
    return {top for top in candidates if top == root or (_is_a_scripts(top) and PathFinder.find_spec(top, [home]))}


def _is_a_scripts(top: str) -> bool:
    """Whether a module is neither Python's nor installed."""
    place = _place(sys.modules[top])
    return place is not None and top not in sys.stdlib_module_names and os.path.basename(place) not in _INSTALLED


def _is_built_in(top: str) -> bool:
    """Whether Python finds it before it looks at any folder."""
    return BuiltinImporter.find_spec(top) is not None or FrozenImporter.find_spec(top) is not None


def _tops() -> set[str]:
    return {name for name in list(sys.modules) if "." not in name}


def _of(home: str) -> set[str]:
    """The top-level modules that lie in a folder."""
    return {top for top in _tops() if home and _place(sys.modules[top]) == home}


def _place(module: Any) -> str | None:
    """The folder that a top-level module lies in."""
    with suppress(Exception):  # whatever is in sys.modules
        found = next(iter(getattr(module, "__path__", None) or ()), None) or getattr(module, "__file__", None)
        return None if found is None else _real(os.path.dirname(found))
    return None


@cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def _take(tops: set[str]) -> dict[str, ModuleType]:
    """Take modules out of `sys.modules`, with what is in them."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in tops}
