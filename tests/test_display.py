"""What a run or a training shows of what remains."""

import math

from experiments.display import TrainingLines, progress
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
