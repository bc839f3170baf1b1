"""`neat show`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import GivenPath

if TYPE_CHECKING:
    from experiments.config import Config
    from genomes.population import Genome

__all__ = ["command"]

LARGEST_TABLE = 40  # genes that are listed


@click.command("show")
@click.argument("folder", metavar="DIR", type=GivenPath())
def command(folder: Path) -> None:
    """Describe a run and its champion; network.png, fitness.png and species.png go into its folder."""
    from experiments.commands.common import read_summary
    from experiments.config import read_run_config
    from experiments.display import say
    from experiments.plot import has_matplotlib
    from experiments.record import require_run
    from experiments.session import load_champion

    require_run(folder)
    config, summary = read_run_config(folder), read_summary(folder)
    champion = load_champion(folder, config, by_name=True)[0] if (folder / "champion.json").exists() else None
    _describe(folder, config, summary, champion)
    if not has_matplotlib():
        say('For pictures install the extra "report": pip install "speciate[report]"')
        return
    _draw(folder, config, champion)


def _describe(folder: Path, config: Config, summary: dict[str, Any] | None, champion: Genome | None) -> None:
    from rich.console import Console
    from rich.text import Text

    from experiments.display import closing_lines

    console = Console(highlight=False)
    facts = f"{config.preset}, population {config.neat.population}, seed {config.run.seed}"
    console.print(Text.assemble((config.task.name, "bold"), "  ", (facts, "dim")))
    if summary is None:
        console.print(f"Not finished: `neat resume {folder}` goes on", markup=False, soft_wrap=True)
    else:
        for line in closing_lines(summary, config, None):
            console.print(line, markup=False, soft_wrap=True)
    if champion is not None:
        _describe_genome(console, champion)


def _describe_genome(console: Any, genome: Genome) -> None:
    from rich.table import Table
    from rich.text import Text

    from experiments.plot import describe_functions
    from genomes.functions import activation_name, aggregation_name

    console.print(f"\n[bold]The champion's genes[/]  [dim]{genome!r}[/]")
    console.print(f"Functions: {describe_functions(genome)}", markup=False)
    if len(genome.node_id) + len(genome.innovation) > LARGEST_TABLE:
        return
    timed = len(genome.time_constant) > 0
    columns = ("node", "kind", "bias", "activation", "aggregation", *(("time constant",) if timed else ()))
    nodes = Table(*columns, box=None, header_style="dim")
    for i in range(genome.num_inputs, len(genome.node_id)):
        kind = "output" if genome.node_id[i] < genome.num_inputs + genome.num_outputs else "hidden"
        functions = Text(activation_name(int(genome.activation[i]))), aggregation_name(int(genome.aggregation[i]))
        time_constant = (f"{genome.time_constant[i]:.3f}",) if timed else ()
        nodes.add_row(str(genome.node_id[i]), kind, f"{genome.bias[i]:.3f}", *functions, *time_constant)
    links = Table("innovation", "from", "to", "weight", "", box=None, header_style="dim")
    for e in range(len(genome.innovation)):
        ends = str(genome.source[e]), str(genome.target[e])
        state = "" if genome.enabled[e] else "[dim]disabled[/]"
        links.add_row(str(genome.innovation[e]), *ends, f"{genome.weight[e]:.3f}", state)
    console.print(nodes, links)


def _draw(folder: Path, config: Config, champion: Genome | None) -> None:
    from experiments.errors import Failure
    from experiments.plot import METRICS, SPECIES, draw_fitness, draw_network, draw_species, read_table

    title = f"{config.task.name}, seed {config.run.seed}"
    drawn = []
    try:
        if champion is not None:
            draw_network(champion, folder / "network.png", f"{title}: the champion")
            drawn.append("network.png")
        metrics = read_table(folder / "metrics.csv", METRICS)  # none of a champion that `neat refine` made
        if metrics is not None:
            species = read_table(folder / "species.csv", SPECIES)
            draw_fitness(metrics, folder / "fitness.png", title)
            drawn.append("fitness.png")
            if species is not None:
                draw_species(species, folder / "species.png", f"{title}: species")
                drawn.append("species.png")
    except OSError as error:
        raise Failure(f"{folder}: a picture cannot be written: {error.strerror}") from None
    except MemoryError:
        raise Failure(f"{folder}: its pictures need more memory than there is") from None
    if drawn:
        print(f"Pictures in {folder}: {', '.join(drawn)}")
