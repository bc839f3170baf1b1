"""`neat evaluate`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from experiments.commands.common import GivenPath, trusting

__all__ = ["command"]


@click.command("evaluate")
@click.argument("folder", metavar="DIR", type=GivenPath())
@click.option("--episodes", type=click.IntRange(1), default=100, metavar="N", help="Fresh episodes (default 100).")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, metavar="N", help="Decides the episodes (default 1)."
)
@trusting
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(folder: Path, episodes: int, seed: int, trust: bool, as_json: bool) -> int:
    """Test a run's champion: on fresh episodes of the real Gymnasium environment, on the test rows of a data set, or by
    the task's own check."""
    from experiments.config import read_run_config
    from experiments.memory import require_memory
    from experiments.record import require_run
    from experiments.session import champion_score, load_champion

    require_run(folder)
    require_memory([(16 * episodes, {"--episodes": episodes})])
    config = read_run_config(folder, trust)
    result = champion_score(config, *load_champion(folder, config), episodes, seed)
    if as_json:
        print(json.dumps(result, indent=2))
    elif "metric" in result:
        print(f"{config.task.name}: {result['metric']} {result['score']:.4g} on {result['rows']} {result['part']} rows")
    elif result["episodes"] == 1:
        print(f"{config.task.name}: {result['mean']:g} in the task's check")
    else:
        from experiments.display import rounded

        deviation = f"standard deviation {rounded(result['std'], 2)}"
        spread = f"{deviation}, min {result['min']:g}, max {result['max']:g}"
        mean = f"mean {rounded(result['mean'], 2)} over {result['episodes']} fresh episodes"
        print(f"{config.task.name}: {mean} ({spread})")
    return 0
