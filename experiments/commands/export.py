"""`neat export`"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.commands.common import GivenPath
from genomes.export import LANGUAGES

if TYPE_CHECKING:
    from experiments.config import Config
    from genomes.population import Genome

__all__ = ["command"]


@click.command("export")
@click.argument("folder", metavar="DIR", type=GivenPath())
@click.option("--to", "language", type=click.Choice(list(LANGUAGES)), default="python", help="Default: python.")
@click.option("--name", metavar="NAME", help="Of the function in C (default network).")
@click.option("--out", type=GivenPath(dir_okay=False), metavar="FILE", help="Default: in DIR.")
def command(folder: Path, language: str, name: str | None, out: Path | None) -> int:
    """Write a run's champion as source code that needs nothing but a compiler: Python, or a C header."""
    from experiments.commands.common import require_writable
    from experiments.config import read_run_config
    from experiments.errors import BadInput
    from experiments.machine import whole
    from experiments.record import require_run
    from experiments.session import load_champion
    from genomes.export import NotExportable, Program, c_source
    from genomes.export.reserved import is_reserved

    if name is not None and (language != "c" or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name)):
        raise BadInput(f"--name {name}: must be a name in C, and goes with --to c")
    if name is not None and is_reserved(name):
        raise BadInput(f"--name {name}: C, C++ or math.h use this name: choose another one")
    require_run(folder)
    config = read_run_config(folder)
    genome, scaling = load_champion(folder, config, by_name=True)
    try:
        program = Program.of(genome, scaling=scaling, about=_about(config, genome), **config.neat.computing)
    except NotExportable as error:
        raise BadInput(f"{folder / 'champion.json'}: {error}") from None
    suffix, source = LANGUAGES[language]
    path = out or folder / f"champion{suffix}"
    if out is not None:
        require_writable(path, "--out")
    with whole(path) as file:
        file.write_text(source(program) if name is None else c_source(program, name), encoding="utf-8")
    print(f"The champion is in {path}")
    return 0


def _about(config: Config, genome: Genome) -> tuple[str, ...]:
    """What a reader of the file wants to know."""
    from experiments.display import counted

    size = f"{counted(genome.num_hidden, 'hidden node')}, {counted(int(genome.enabled.sum()), 'connection')}"
    try:
        meaning = config.task.meaning()
    except (ValueError, OSError) as error:  # data or an extra that are not here: the champion can be had all the same
        meaning = (f"what its inputs and outputs are is not known here: {error}",)
    return f"{config.task.name}: the champion of a run with seed {config.run.seed}, {size}", *meaning
