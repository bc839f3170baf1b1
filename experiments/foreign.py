"""Do our four packages resolve to our own files? neat-python installs a package `neat` too, PyPI's envs an `envs`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["foreign_package"]

# What each of our packages says of itself in its first lines; a package of another project does not.
_MARK = b"speciate"
_HOME = Path(__file__).resolve().parent.parent


def foreign_package() -> str | None:
    """One line about the first of our packages that is not ours, or None when all are."""
    for name in ("genomes", "neat", "envs", "experiments"):
        try:
            spec = find_spec(name)
        except (ImportError, ValueError):
            spec = None
        file = Path(spec.origin) if spec is not None and spec.origin is not None else None
        if file is None or not _is_ours(file):
            found = f"is {file}, a package of another project" if file else "is missing"
            return (
                f"speciate: the package {name!r} {found} (neat-python and PyPI's envs install packages of the same "
                f"names): install speciate into an environment of its own"
            )
    return None


def _is_ours(file: Path) -> bool:
    try:
        with open(file, "rb") as source:
            return file.resolve().parent.parent == _HOME and _MARK in source.read(2000).lower()
    except OSError:
        return False
