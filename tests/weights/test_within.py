"""Inside NEAT: every n generations the best genomes are tuned by a method."""

import json

import numpy as np
import pytest

from envs.xor import XOR
from experiments import evolve
from experiments.cli import _run
from experiments.errors import BadInput
from experiments.training.within import Tuner, WeightSettings
from genomes.networks import compile_population
from neat.algorithm import NEAT
from neat.params import NEATParams, ParameterError
from tests.run_cases import neat, outcome

TUNED = """
[task]
name = "CartPole-v1"
episodes = 2
validation_episodes = 3
target = 1e9

[neat]
population = 20

[weights]
method = "snes"
every = 2
best = 3
evaluations = 10
write_back = "WRITE"
settings = { sigma = 0.5, population = 5 }

[run]
name = "tuned"
generations = 7
checkpoint_seconds = 0.0
"""


def generation(write_back="lamarckian", method="cma-es"):
    """A generation of XOR before and after tuning, and the tuner."""
    params, task = NEATParams(population=30, activations=("tanh",)), XOR()
    tuner = WeightSettings(method, best=4, evaluations=200, write_back=write_back).tuner(task, params)
    population = NEAT(params, 2, 1).ask()
    return population, task.evaluate(compile_population(population), (1, 4)), tuner


def test_the_best_are_tuned_and_no_others():
    population, evaluation, tuner = generation()
    tuned = tuner(population, evaluation, (1, 4))
    changed = np.array([not a.equals(b) for a, b in zip(population, tuned.population, strict=True)])
    order = np.argsort(-evaluation.fitness, kind="stable")
    assert changed.any() and not changed[order[4:]].any()
    assert (tuned.evaluation.fitness[changed] > evaluation.fitness[changed]).all()
    assert (tuned.evaluation.fitness[~changed] == evaluation.fitness[~changed]).all()
    again = XOR().evaluate(compile_population(tuned.population), (1, 4))
    assert (again.fitness == tuned.evaluation.fitness).all()
    assert 4 * 200 < tuned.evaluations <= 4 * 220  # honest: every candidate and every second look
    tuned.population.check(feed_forward=True)


def test_a_genome_that_has_grown_too_large_for_the_method_is_left_as_it_is(monkeypatch):
    population, evaluation, tuner = generation()
    monkeypatch.setattr("neat.weights.cmaes.MOST", 2)
    with pytest.raises(BadInput, match="3 dimensions are more than 2"):
        tuner(population, evaluation, (1, 4))  # from the beginning
    tuned = tuner(population, evaluation, (1, 9))
    assert tuned.population is population and tuned.evaluations == 0


def test_tuning_is_due_every_n_generations():
    tuner = Tuner(WeightSettings("snes", every=3), XOR(), NEATParams())
    assert [g for g in range(10) if tuner.due(g)] == [2, 5, 8]


@pytest.mark.slow
@pytest.mark.parametrize("write_back", ["lamarckian", "baldwinian"])
def test_a_run_counts_resumes_and_repeats(tmp_path, write_back):
    (tmp_path / "tuned.toml").write_text(TUNED.replace("WRITE", write_back))
    for name, options in (("whole", ["--threads", "1"]), ("part", ["--generations", "3", "--threads", "2"])):
        neat("run", "tuned.toml", "--out", name, "--quiet", *options, cwd=tmp_path, code=1)
    neat("resume", "part", "--generations", 7, "--quiet", cwd=tmp_path, code=1)
    assert outcome(tmp_path / "whole") == outcome(tmp_path / "part")
    evaluations = [int(line[1]) for line in outcome(tmp_path / "whole")[0][1:]]
    spent = np.diff([0, *evaluations])
    assert set(spent[0::2]) == {20} and all(20 + 30 <= n <= 20 + 33 for n in spent[1::2])


def test_lamarck_and_baldwin_differ_in_what_is_inherited():
    seen = {}
    for write_back in ("lamarckian", "baldwinian"):
        weights = WeightSettings("cma-es", every=1, best=3, evaluations=60, write_back=write_back)
        kept = []
        evolve(
            XOR(), generations=2, weights=weights, population=20, quiet=True, stop_when_solved=False, elitism=1,
            on_generation=lambda population, evaluation, report, kept=kept: kept.append((population, evaluation)),
        )  # fmt: skip
        seen[write_back] = kept
    first = [kept[0][1].fitness for kept in seen.values()]
    assert (first[0] == first[1]).all() and first[0].max() > 8  # both show what was found
    second = [kept[1][1].fitness.mean() for kept in seen.values()]
    assert second[0] != second[1]


def test_from_the_command_line_and_the_summary(tmp_path):
    options = ["--set", "weights.method=cma-es", "--set", "weights.every=1", "--set", "weights.settings.sigma=1"]
    assert _run(["run", "xor", *options, "--quiet", "--out", str(tmp_path / "xor")]) == 0
    summary = json.loads((tmp_path / "xor" / "summary.json").read_text())
    assert summary["evaluations"] > 150 * summary["generations"]
    assert "[weights.settings]" in (tmp_path / "xor" / "config.toml").read_text()


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("method=adm", ["adm", "adam"]),
        ("method=adam", ["adam", "gradient", "cma-es"]),
        ("metod=adam", ["metod", "method"]),
        ("every=0", ["every", "at least 1"]),
        ("write_back=darwin", ["darwin", "lamarckian"]),
    ],
)
def test_bad_settings_are_one_line_and_leave_nothing(setting, parts, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert _run(["run", "xor", "--set", f"weights.{setting}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and all(part in error for part in parts), error
    assert not list(tmp_path.iterdir())


def test_one_of_two_teachers(tmp_path, capsys):
    teachers = ["--set", "weights.method=cma-es", "--set", "task.gradient_steps=1"]
    assert _run(["run", "iris", *teachers, "--out", str(tmp_path / "run")]) == 2
    assert "gradient_steps" in capsys.readouterr().err and not (tmp_path / "run").exists()
    with pytest.raises(ParameterError, match="sigm"):
        WeightSettings("cma-es", settings={"sigm": 1})
