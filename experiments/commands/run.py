"""`neat run`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from experiments.commands.common import GivenPath, trusting

__all__ = ["command"]

# option -> configuration key
KEYS = {
    "seed": "run.seed",
    "population": "neat.population",
    "generations": "run.generations",
    "evaluations": "run.evaluations",
    "minutes": "run.minutes",
    "threads": "run.threads",
    "device": "run.device",
}


@click.command("run")
@click.argument("experiment", metavar="PRESET|DATA|ENV-ID|FILE")
@click.option("--seed", type=int, metavar="N", help="Decides the run (default 1).")
@click.option("--population", type=int, metavar="N", help="Genomes in a generation.")
@click.option("--generations", type=int, metavar="N", help="At most this many generations; 0: no limit.")
@click.option("--evaluations", type=int, metavar="N", help="At most this many evaluations; 0: no limit.")
@click.option("--minutes", type=float, metavar="N", help="Stop after this time; 0: no limit.")
@click.option("--threads", type=int, metavar="N", help="Threads; never changes a result. 0: one a core.")
@click.option("--device", metavar="auto|cpu|cuda", help="Where networks compute.")
@click.option("--out", type=GivenPath(), metavar="DIR", help="Run folder (default runs/NAME-SEED-n).")
@click.option("--overwrite", is_flag=True, help="Replace the run that DIR holds.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Any setting, e.g. neat.add_node=0.1.")
@trusting
@click.option("--quiet", is_flag=True, help="Show errors only.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    experiment: str,
    out: Path | None,
    overwrite: bool,
    overrides: tuple[str, ...],
    trust: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Evolve: a ready experiment or a data set (see `neat list`), any Gymnasium environment by its id, or a file: a
    table of your own (.csv, .npz) or a configuration (.toml)."""
    from experiments.config import load_config

    given = {KEYS[k]: (f"--{k} {v}", v) for k, v in options.items() if v is not None}
    config = load_config(experiment, overrides, given, trust=trust)

    from experiments.commands.common import conclude
    from experiments.display import make_display
    from experiments.record import RunFolder
    from experiments.session import Session, make_run

    config.task.prepare()
    run = make_run(config)  # what is wrong is found before there is a folder
    name, seed = config.run.name, config.run.seed
    folder = RunFolder.create(out, overwrite) if out else RunFolder.fresh(name, seed)
    try:
        session = Session.begin(config, folder, make_display(quiet), run)
        return conclude(session.go(), as_json)
    finally:
        folder.close()
