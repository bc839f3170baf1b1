"""Running evolution, in Speciate: the command line, configurations, run folders, checkpoints.

`evolve` runs an own task from Python. To read the package, begin with `run` (the circle), then `config`, `tasks`,
`record`, `checkpoint`, and `cli` with `commands`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from experiments.foreign import foreign_package

if TYPE_CHECKING:
    from experiments.evolution import Result, evolve

__all__ = ["Result", "evolve"]

_problem = foreign_package()
if _problem is not None:
    if sys.argv and sys.argv[0].removesuffix(".exe").endswith("neat"):  # the command shows a line, not a traceback
        print(_problem, file=sys.stderr)
        raise SystemExit(2)
    raise ImportError(_problem)


def __getattr__(name: str) -> Any:
    """`evolve` and `Result`, imported when they are asked for: the package itself loads nothing heavy."""
    if name in __all__:
        from experiments import evolution

        return getattr(evolution, name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")
