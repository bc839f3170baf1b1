"""Whether the user's own code may run.

A configuration, also one that came from elsewhere, may name a module of its own. A module below the current folder, or
one that is installed, runs without a word; any other runs only with ``--trust``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.errors import BadInput

__all__ = ["require_trust"]


def require_trust(name: str, folder: Path, key: str, trust: bool) -> None:
    """`BadInput` where ``module:NAME`` runs code of ``folder`` that is neither below the current folder nor installed,
    unless there is ``trust``."""
    from envs.own import own_files

    home = folder.resolve()
    files = [] if trust else own_files(name.partition(":")[0], home)
    if not files or home in {Path(entry).resolve() for entry in sys.path}:
        return
    here = Path.cwd().resolve()
    if not all(place.resolve().is_relative_to(here) for place in (home, *files)):
        raise BadInput(
            f'{key} = "{name}": runs {files[-1]}, which is neither below the current folder nor installed: '
            "give --trust (in Python, trust=True) if you trust that code"
        )
