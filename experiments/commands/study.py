"""`neat study`"""

from __future__ import annotations

from pathlib import Path

import click

from experiments.commands.common import GivenPath

__all__ = ["command"]


@click.command("study")
@click.argument("name", metavar="gradient-free")
@click.option("--quick", "level", flag_value="quick", help="Some minutes on two cores.")
@click.option("--standard", "level", flag_value="standard", default=True, help="Some ten minutes (the default).")
@click.option("--full", "level", flag_value="full", help="An hour on two cores: to a million weights.")
@click.option("--out", type=GivenPath(), metavar="DIR", help="Folder (default runs/gradient-free-LEVEL).")
@click.option("--threads", type=click.IntRange(0, 1024), default=0, metavar="N", help="Processes; 0: one a core.")
def command(name: str, level: str, out: Path | None, threads: int) -> None:
    """Which methods train networks without gradients, where, and at what price: measured here, on one page.

    DIR gets index.html, its pictures and results.csv. A study that was stopped goes on where it was.
    """
    from experiments.errors import BadInput
    from experiments.plot import has_matplotlib

    if name != "gradient-free":
        raise BadInput(f"there is no study {name!r}: must be gradient-free")
    if not has_matplotlib():
        raise BadInput('the study draws pictures: pip install "speciate[report]"')
    from experiments.display import say
    from experiments.study.page import write_page
    from experiments.study.plan import LEVELS
    from experiments.study.run import Results, run_study
    from genomes.kernels.parallel import available_cores

    folder = out or Path("runs") / f"gradient-free-{level}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        results = Results(folder / "results.csv")
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written: {error.strerror}") from None
    run_study(LEVELS[level], results, threads or available_cores(), say)
    sentences = write_page(folder, results, LEVELS[level])
    for k, sentence in enumerate(sentences, 1):
        print(f"{k}. {sentence}")
    print(f"\nThe page is {folder / 'index.html'}")
