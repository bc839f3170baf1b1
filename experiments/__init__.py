"""Running evolution, in Speciate: the command line, configurations, run folders, checkpoints.

`evolve` runs an own task from Python; `minimize` searches any vector, `refine_champion` tunes a champion's weights,
`train` those of dense nets and torch modules;
`NEATClassifier` and `NEATRegressor` are scikit-learn estimators. To read the package, begin with `run` (the circle),
then `config`, `tasks`, `record`, `checkpoint`, `restore`, and `cli` with `commands`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from experiments.foreign import foreign_package

if TYPE_CHECKING:
    from experiments.estimators import NEATClassifier, NEATRegressor
    from experiments.evolution import Result, evolve
    from experiments.training.folder import refine_champion
    from experiments.training.train import train
    from neat.weights.objective import minimize

__all__ = ["NEATClassifier", "NEATRegressor", "Result", "evolve", "minimize", "refine_champion", "train"]

_HOMES = {
    "Result": "experiments.evolution",
    "evolve": "experiments.evolution",
    "minimize": "neat.weights.objective",
    "refine_champion": "experiments.training.folder",
    "train": "experiments.training.train",
}

_problem = foreign_package()
if _problem is not None:
    if sys.argv and sys.argv[0].removesuffix(".exe").endswith("neat"):  # the command shows a line, not a traceback
        print(_problem, file=sys.stderr)
        raise SystemExit(2)
    raise ImportError(_problem)


def __getattr__(name: str) -> Any:
    """The names above, imported when they are asked for: the package itself loads nothing heavy."""
    if name in ("NEATClassifier", "NEATRegressor"):
        try:
            from experiments import estimators
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "sklearn":
                raise
            raise ImportError(f'{name} needs scikit-learn: pip install "speciate[sklearn]"') from None
        return getattr(estimators, name)
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")
