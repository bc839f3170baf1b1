"""What a run or a training shows of what remains."""

import io
import math
import time
from types import SimpleNamespace

from rich.console import Console

from envs.task import Task
from experiments import evolve
from experiments.display import Display, Live, TrainingLines, progress
from experiments.heartbeat import PREPARING, Heartbeat, waits_for
from experiments.training.loop import Limits


def test_what_remains_is_of_the_nearest_limit():
    assert progress([(5, 100), (30, 40), (7, 0)], 60.0) == (0.75, "at most 20 s more")
    assert progress([(0, 100)], 60.0) == (0.0, "")
    assert progress([(7, 0)], 60.0) == (0.0, "")
    assert progress([(120, 100)], 60.0) == (1.0, "at most 0 s more")


def test_lines_of_a_training(capsys):
    lines = TrainingLines(Limits.of(0, 0.0))  # 10,000 evaluations
    lines(2_500, 30.0, "best 1")  # too early
    lines._last = -math.inf
    lines(2_500, 30.0, "best 1")
    assert capsys.readouterr().err == "2,500 evaluations: best 1, at most 90 s more\n"


def test_why_genomes_failed_is_said_with_and_without_a_run_folder(tmp_path, capsys):
    def broken(network):
        raise RuntimeError("boom")

    few = dict(num_inputs=2, num_outputs=1, population=6, generations=2, workers=0, on_error="worst")
    for out in (None, tmp_path / "run"):
        evolve(broken, out=out, **few)
        said = capsys.readouterr().err
        assert said.count("Traceback") == 1 and "generation 0: 6 genomes failed, the first: Traceback" in said
    evolve(broken, quiet=True, **few)
    said = capsys.readouterr().err
    assert said.startswith("neat: generation 0: 6 genomes failed") and said.count("boom") == 3  # errors, nothing else


def test_a_check_that_fails_is_not_called_a_genome(capsys):
    Display().failures(SimpleNamespace(generation=3, failed=0), ["an episode failed:\nRuntimeError: boom"])
    assert capsys.readouterr().err.startswith("neat: generation 3: checking the best failed: an episode failed")


def test_what_is_waited_for(monkeypatch):
    task = SimpleNamespace(activity=lambda: "3 of 9 genomes judged")
    run = SimpleNamespace(stopped="", generations=4, task=task)
    assert waits_for(run, 25.0) == "generation 4: 3 of 9 genomes judged"
    task.activity = Task().activity
    assert waits_for(run, 25.0) == "generation 4: 25 s so far"
    run.stopped = "generations"
    assert "its champion is tested" in waits_for(run, 25.0)


def test_while_a_kernel_is_compiled_it_says_so():
    """And no longer: also where the first generation takes long."""
    import numba

    from genomes.kernels.binding import Kernel

    said, run = [], SimpleNamespace(stopped="", generations=0, task=Task())
    numbers = "".join(f"    x = x * x + {k}.5\n" for k in range(600))
    scope = {}
    exec(f"def long(x):\n{numbers}    return x", scope)
    assert Kernel(lambda x: x)(1.0) == 1.0
    heart = Heartbeat(run, said.append, 0.01)
    numba.njit(scope["long"])(1.0)  # of ours it would be on disk the next time
    compiled = len(said)
    while len(said) < compiled + 2:
        time.sleep(0.01)
    heart.end()
    assert PREPARING in said and said[-1] != PREPARING


def test_a_terminal_shows_what_is_waited_for_under_the_last_table():
    live = Live()
    run = SimpleNamespace(stopped="", generations=0, task=SimpleNamespace(activity=lambda: "genome 17 hangs"))
    config = SimpleNamespace(neat=SimpleNamespace(population=3), task=SimpleNamespace(name="mine"))
    run.settings = SimpleNamespace(seed=1)
    live.console = Console(file=io.StringIO(), force_terminal=True, width=90)
    live.begin(config, run, None)
    live._wait(waits_for(run, 12.0))
    live.end()
    assert "generation 0: genome 17 hangs" in live.console.file.getvalue()
