"""`neat export`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genomes.export import LANGUAGES

if TYPE_CHECKING:
    from experiments.config import Config
    from genomes.population import Genome

__all__ = ["command"]


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--to", "language", type=click.Choice(list(LANGUAGES)), default="python", help="Default: python.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Default: in DIR.")
def command(folder: Path, language: str, out: Path | None) -> int:
    """Write a run's champion as source code that needs nothing but a compiler: Python, or a C header."""
    from experiments.config import read_config
    from experiments.errors import BadInput, Failure
    from experiments.record import require_run, write_whole
    from experiments.session import load_champion
    from genomes.export import NotExportable, Program

    require_run(folder)
    config = read_config(folder / "config.toml")
    genome, scaling = load_champion(folder)
    try:
        program = Program.of(genome, scaling=scaling, about=_about(config, genome), **config.neat.computing)
    except NotExportable as error:
        raise BadInput(f"{folder / 'champion.json'}: {error}") from None
    suffix, source = LANGUAGES[language]
    path = out or folder / f"champion{suffix}"
    if not path.parent.is_dir():
        raise BadInput(f"--out {path}: there is no folder {path.parent}")
    try:
        write_whole(path, source(program))
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror or error}") from None
    click.echo(f"The champion is in {path}")
    return 0


def _about(config: Config, genome: Genome) -> tuple[str, ...]:
    """What a reader of the file wants to know."""
    hidden, links = genome.num_hidden, int(genome.enabled.sum())
    size = f"{hidden} hidden node{'s' * (hidden != 1)}, {links} connection{'s' * (links != 1)}"
    return f"{config.task.name}: the champion of a run with seed {config.run.seed}, {size}", *config.task.meaning()
