"""The command: bad input is one line and exit code 2; own fitness functions; what user code does wrong."""

import json
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
    ],
)
def test_bad_input_is_one_line(arguments, parts, tmp_path, monkeypatch, capsys, no_gpu):
    monkeypatch.chdir(tmp_path)
    assert _run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
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
