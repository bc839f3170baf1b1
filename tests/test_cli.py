"""The command: bad input is one line and exit code 2; own fitness functions; what user code does wrong."""

import json
import math
from pathlib import Path

import pytest

from experiments.cli import _run
from tests.run_cases import neat


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["rnu"], ["rnu", "run"]),
        (["run", "cartpol"], ["cartpol", "cartpole"]),
        (["run", "absent.toml"], ["absent.toml"]),
        (["run", "xor", "--set", "neat.populaton=3"], ["--set neat.populaton=3", "population"]),
        (["run", "xor", "--population", "1"], ["--population 1", "at least 2"]),
        (["run", "xor", "--population", "many"], ["many"]),
        (["run", "xor", "--seed", "-1"], ["--seed -1"]),
        (["run", "xor", "--device", "cuda"], ["cuda"]),
        (["run", "xor", "--device", "gpu"], ["gpu", "auto"]),
        (["run", "xor", "--minutes", "nan"], ["minutes"]),
        (["resume", "absent"], ["absent", "config.toml"]),
        (["evaluate", "absent"], ["absent"]),
        (["show", "absent"], ["absent"]),
        (["bench", "absent"], ["absent", "forward"]),
        (["bench", "forward", "--json", "absent/x.json"], ["absent"]),
        (["run"], ["PRESET"]),
        (["run", "xor", "--out", ""], ["--out", "empty"]),
        (["show", ""], ["DIR", "empty"]),
        (["run", "x" * 5000], ["xxx", "too long"]),
        (["run", "xor", "--set", f"neat.{'x' * 100_000}=3"], ["neat.xxx", "unknown key"]),
        (["run", "iris", "--set", "task.class_weights=a\x1b\n=1"], ["task.class_weights", "balanced"]),
        (["run", "xor", "--set", "neat.elitism=18446744073709551615"], ["neat.elitism", "2**63"]),
        (["run", "xor", "--set", "neat.add_connection_tries=1000000000"], ["neat.add_connection_tries", "1000000"]),
        (["run", "tsp", "--set", "neat.mode=synchronous"], ["--set neat.mode=synchronous", "feedforward"]),
        (["run", "scheduling", "--set", "neat.preset=neat-2002"], ["scheduling", "allow_negative_fitness", "true"]),
        (["resume", "absent", "--threads", "-1"], ["--threads", "1024"]),
        (["resume", "absent", "--threads", "1025"], ["--threads", "1024"]),
        (["train", "lenet", "--threads", "1025"], ["--threads", "1024"]),
        (["evaluate", "absent", "--seed", str(2**64)], ["--seed", str(2**64 - 1)]),
        (["replay", "absent", "--seed", str(2**64)], ["--seed", str(2**64 - 1)]),
        (["export", "absent", "--to", "c", "--name", "tanhf"], ["--name tanhf", "math.h"]),
    ],
)
def test_bad_input_is_one_line(arguments, parts, tmp_path, monkeypatch, capsys, no_gpu):
    monkeypatch.chdir(tmp_path)
    assert _run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and len(printed.err) < 3000
    assert printed.err[:-1].isprintable()
    for part in parts:
        assert part in printed.err, printed.err
    assert not list(tmp_path.iterdir())


OWN = """
import genomes.functions

def bump(x):
    return x * x / (1 + x * x)

genomes.functions.register_activation("bump", bump)

def good(network):
    return 4 - sum(abs(float(network(x)[0]) - (x[0] != x[1])) for x in ((0, 0), (0, 1), (1, 0), (1, 1)))

def broken(network):
    raise ValueError("out of luck")

def text(network):
    return "high"

def sometimes(network):
    if network([1, 1])[0] > 0:
        raise RuntimeError("positive")
    return float(network([1, 0])[0])
"""

CONFIG = """
[task]
name = "own:{}"
inputs = 2
outputs = 1

[neat]
population = 30
activations = ["tanh", "bump"]

[run]
generations = 3
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    for name in ("good", "broken", "text", "sometimes", "godo"):
        (tmp_path / f"{name}.toml").write_text(CONFIG.format(name))
    return tmp_path


def test_an_own_function_with_an_own_activation(own):
    neat("run", "good.toml", "--out", "a", "--quiet", cwd=own)
    neat("run", "a/config.toml", "--out", "b", "--quiet", "--set", "task.workers=1", "--threads", 1, cwd=own)
    assert (own / "a" / "champion.json").read_bytes() == (own / "b" / "champion.json").read_bytes()
    neat("resume", "a", "--generations", 5, "--quiet", cwd=own)
    result = json.loads(neat("evaluate", "a", "--json", cwd=own).stdout)
    assert result["mean"] == pytest.approx(json.loads((own / "a/summary.json").read_text())["champion"]["fitness"])


def test_exceptions_of_user_code_are_shown_whole(own):
    done = neat("run", "broken.toml", "--out", "a", cwd=own, code=3)
    assert "out of luck" in done.stderr and "own.py" in done.stderr and "raise ValueError" in done.stderr
    assert "must return a number" in neat("run", "text.toml", "--out", "b", cwd=own, code=3).stderr
    assert "'good'" in neat("run", "godo.toml", "--out", "c", cwd=own, code=2).stderr
    assert not (own / "c").exists()


def test_on_error_worst_goes_on(own):
    done = neat("run", "sometimes.toml", "--out", "a", "--set", "run.on_error=worst", cwd=own, own_code_fails=True)
    assert done.stderr.count("genomes failed") == 3 and done.stderr.count("Traceback") == 1
    rows = (own / "a" / "metrics.csv").read_text().splitlines()
    failed = [int(row.split(",")[7]) for row in rows[1:]]
    assert failed[0] > 0 and len(failed) == 3


def test_a_run_on_a_gpu_can_be_looked_at_where_there_is_none(tmp_path, capsys, no_gpu):
    run = tmp_path / "run"
    _run(["run", "xor", "--population", "4", "--generations", "1", "--device", "cpu", "--out", str(run)])
    config = run / "config.toml"
    config.write_text(config.read_text().replace('device = "cpu"', 'device = "cuda"'))
    assert 'device = "cuda"' in config.read_text()
    for command in ("evaluate", "export", "show"):
        assert _run([command, str(run)]) == 0, capsys.readouterr().err
    refine, resume = ["refine", str(run), "--out", str(tmp_path / "refined")], ["resume", str(run)]
    for command, limit in ((refine, "--evaluations"), (resume, "--generations")):
        assert _run(command) == 2 and "--device cpu" in capsys.readouterr().err
        assert _run([*command, "--device", "cpu", limit, "2"]) in (0, 1), capsys.readouterr().err
        assert 'device = "cpu"' in (Path(command[-1]) / "config.toml").read_text()


def test_fitness_of_any_size(tmp_path):
    """Sums overflow, means do not; lines stay short, and there is a picture."""
    function = "def fitness(network): return 1.7e308 if network([1, 0])[0] > 0 else -1.7e308\n"
    (tmp_path / "big.py").write_text(function)
    (tmp_path / "big.toml").write_text('[task]\nname = "big:fitness"\ninputs = 2\noutputs = 1\nworkers = 1\n')
    done = neat("run", "big.toml", "--out", "run", "--population", 20, "--generations", 4, cwd=tmp_path)
    assert "Warning" not in done.stderr and all(len(line) < 200 for line in done.stderr.splitlines())
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[1:]
    assert all(math.isfinite(float(row.split(",")[3])) for row in rows)
    neat("show", "run", cwd=tmp_path)
    assert (tmp_path / "run" / "fitness.png").exists()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The folder of a small run."""
    folder = tmp_path_factory.mktemp("tiny") / "run"
    _run(["run", "xor", "--population", "4", "--generations", "1", "--quiet", "--out", str(folder)])
    return folder


@pytest.mark.parametrize("key", ["folder", "method", "evaluations", "minutes", "seed", "out", "overwrite", "threads",
                                 "device", "on_generation", "settings"])  # fmt: skip
def test_arguments_of_refining_are_no_settings_of_a_method(tiny, tmp_path, key, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert _run(["refine", str(tiny), "--out", "new", "--set", f"{key}=3"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and f"{key} = 3" in printed and not list(tmp_path.iterdir())


def test_a_training_nested_too_deep_is_one_line(tmp_path, capsys):
    path = tmp_path / "deep.toml"
    path.write_text("a = " + "[" * 20_000)
    assert _run(["train", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"neat: {path}: is no TOML")


def test_numba_must_compile(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert _run(["run", "xor", "--out", str(tmp_path / "run")]) == 2
    assert "NUMBA_DISABLE_JIT" in capsys.readouterr().err and not list(tmp_path.iterdir())
    assert _run(["list"]) == 0


def test_the_list_has_whole_sentences(capsys):
    assert _run(["list"]) == 0
    told = capsys.readouterr().out.partition("Tasks (")[0].splitlines()
    assert all(line.endswith(".") for line in told if line.startswith("  ")), told


def test_files_that_cannot_be_written_are_told_before_the_work(tiny, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    for out in ("absent/file.py", "folder", f"{'x' * 300}.py"):
        assert _run(["export", str(tiny), "--out", str(tmp_path / out)]) == 2
        assert "--out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


CLOSING = """
import gymnasium, numpy

class Env(gymnasium.Env):
    observation_space, action_space = gymnasium.spaces.Box(-1, 1, (2,)), gymnasium.spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        return numpy.zeros(2, numpy.float32), {}

    def step(self, action):
        return numpy.ones(2, numpy.float32), 1.0, False, False, {}

    def close(self):
        raise RuntimeError("cannot close")

gymnasium.register("Closing-v0", Env, max_episode_steps=3)
"""


def test_an_environment_that_cannot_be_closed_can_be_played(tmp_path):
    (tmp_path / "closing.py").write_text(CLOSING)
    limits = ("--population", 4, "--generations", 1, "--set", "task.workers=1")
    neat("run", "closing:Closing-v0", "--quiet", "--out", "run", *limits, cwd=tmp_path)
    assert "mean 3.00" in neat("evaluate", "run", "--episodes", 2, cwd=tmp_path).stdout
