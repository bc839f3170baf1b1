"""No file runs code unasked: whose code runs, and what can be looked at without it."""

import os
import subprocess
import sys

import pytest

from experiments.cli import _run
from experiments.config import read_config
from experiments.errors import BadInput
from experiments.evolution import evolve
from experiments.tasks import FunctionSettings
from experiments.training.folder import refine_champion
from genomes.functions import activation_code
from tests.run_cases import env, neat

pytestmark = pytest.mark.slow  # real processes, many of them

PAYLOAD = """
from pathlib import Path
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv
(Path(__file__).parent / "ran").touch()
gymnasium.register("Payload-v0", entry_point=CartPoleEnv, max_episode_steps=20)
def f(network): return float(network([1.0, 1.0, 0.0, 0.0])[0])
def objective(outputs, targets): return 0.5
"""
FUNCTION = '[task]\nname = "payload:f"\ninputs = 4\noutputs = 1\nworkers = 1\n'
WORLD = '[task]\nname = "payload:Payload-v0"\nepisodes = 1\nworkers = 1\n'
DATA = '[task]\nname = "moons"\n{} = "payload:objective"\n'
KINDS = [FUNCTION, WORLD, *(DATA.format(key) for key in ("objective", "score", "metric"))]
CHAMPION = """{"format": "speciate-genome", "version": 1, "inputs": INPUTS, "outputs": 1, "bias_input": null,
"nodes": [{"id": INPUTS, "bias": 0.5, "activation": "identity", "aggregation": "sum"}],
"connections": [{"innovation": 0, "source": 0, "target": INPUTS, "weight": 1.0, "enabled": true}]}"""
SMALL = "\n[neat]\npopulation = 4\n\n[run]\ngenerations = 1\n"
LOOKING = [["show"], ["export"]]
RUNNING = [
    ["evaluate", "--episodes", "1"], ["replay", "--out", "film.gif"], ["resume", "--quiet"],
    ["refine", "--evaluations", "4", "--out", "refined", "--quiet"], ["run", "--out", "again", "--quiet"],
]  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The current folder, beside which there are others."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def received(folder, text):
    """A run folder as somebody sends it, with a module beside its files."""
    folder.mkdir()
    (folder / "payload.py").write_text(PAYLOAD)
    (folder / "config.toml").write_text(text + SMALL)
    (folder / "champion.json").write_text(CHAMPION.replace("INPUTS", "2" if "moons" in text else "4"))
    return folder


def call(command, folder):
    """The command's exit code."""
    name, *options = command
    return _run([name, str(folder / "config.toml" if name == "run" else folder), *options])


@pytest.mark.parametrize("text", KINDS)
def test_looking_at_a_run_runs_nothing_and_other_commands_ask(elsewhere, text, capsys):
    run = received(elsewhere / "run", text)
    for command in LOOKING:
        assert call(command, run) == 0, capsys.readouterr().err
    for command in RUNNING:
        capsys.readouterr()
        assert call(command, run) == 2
        said = capsys.readouterr().err
        assert str(run / "payload.py") in said and "--trust" in said and said.count("\n") == 1, said
    with pytest.raises(BadInput, match="trust=True"):
        refine_champion(run, evaluations=4)
    assert not (run / "ran").exists() and not os.listdir()


@pytest.mark.parametrize("command", RUNNING, ids=lambda command: command[0])
def test_trusted_code_runs(elsewhere, command, capsys):
    run = received(elsewhere / "run", WORLD)
    code = call([*command, "--trust"], run)
    said = capsys.readouterr().err
    assert (run / "ran").exists() and "--trust" not in said
    assert code in (0, 1) or '"render"' in said, said


@pytest.mark.parametrize("text", KINDS)
def test_code_below_the_current_folder_runs_without_a_word(elsewhere, text, capsys):
    run = received(elsewhere / "here" / "run", text)
    assert call(RUNNING[0], run) == 0, capsys.readouterr().err
    assert (run / "ran").exists()


def test_installed_code_runs_without_a_word_and_nothing_beside_the_configuration(elsewhere, monkeypatch, capsys):
    lib, run = elsewhere / "lib", received(elsewhere / "run", FUNCTION)
    (run / "payload.py").rename(run / "not_there.py")  # which the installed one tries for
    lib.mkdir()
    late = "def f(network):\n    try:\n        import not_there\n    except ImportError:\n        return 0.0\n"
    (lib / "payload.py").write_text(f"try:\n    import not_there\nexcept ImportError:\n    pass\n{late}")
    monkeypatch.syspath_prepend(str(lib))
    assert call([*RUNNING[0], "--json"], run) == 0, capsys.readouterr().err
    assert '"mean": 0.0' in capsys.readouterr().out
    assert not (run / "ran").exists()
    monkeypatch.delitem(sys.modules, "payload")


def test_links_and_packages_are_followed(elsewhere, capsys):
    run, own = received(elsewhere / "run", FUNCTION), elsewhere / "here" / "own"
    own.mkdir()
    (own / "payload.py").symlink_to(run / "payload.py")  # a link out of the current folder
    (own / "config.toml").write_text(FUNCTION)
    (elsewhere / "linked").mkdir()
    (own / "good.py").write_text("import payload\ndef f(network): return 0.0\n")
    (elsewhere / "linked" / "good.py").symlink_to(own / "good.py")  # into it, with other neighbours
    (elsewhere / "linked" / "payload.py").symlink_to(run / "payload.py")
    (elsewhere / "linked" / "config.toml").write_text(FUNCTION.replace("payload", "good"))
    (run / "pack").mkdir()
    (run / "pack" / "__init__.py").write_text(PAYLOAD)
    (run / "config.toml").write_text(FUNCTION.replace("payload", "pack.absent"))
    for folder in (own, elsewhere / "linked", run):
        assert call(["evaluate"], folder) == 2
        assert "--trust" in capsys.readouterr().err
    assert not list(elsewhere.rglob("ran"))


@pytest.mark.parametrize("gone", ["lambda", "inner", "module", "world"])
def test_a_run_whose_task_is_gone_can_be_looked_at(elsewhere, gone, capsys):
    def inner(network):
        return 1.0

    from tests.gym_worlds import Line

    shape = {"num_inputs": 2, "num_outputs": 1, "workers": 0}
    given = {"lambda": (lambda network: 0.0, shape), "inner": (inner, shape), "world": (Line, {"workers": 0})}
    task, options = given.get(gone, (inner, shape))
    evolve(task, generations=1, population=4, out="run", quiet=True, **options)
    if gone == "module":
        config = elsewhere / "here" / "run" / "config.toml"
        config.write_text(config.read_text().replace("test_trust:", "moved_away:"))
    for command in LOOKING:
        assert call(command, elsewhere / "here" / "run") == 0, capsys.readouterr().err


def test_looking_at_a_run_with_activations_of_its_own(elsewhere):
    run = received(elsewhere / "run", FUNCTION)
    (run / "config.toml").write_text(FUNCTION + SMALL.replace("= 4\n", '= 4\nactivations = ["own-bump", "tanh"]\n'))
    champion = (run / "champion.json").read_text()
    (run / "champion.json").write_text(champion.replace('"identity"', '"own-bump"'))
    assert "own-bump" in (run / "champion.json").read_text()
    assert "own-bump" in neat("show", run, cwd=elsewhere / "here").stdout
    said = neat("export", run, cwd=elsewhere / "here", code=2).stderr
    assert "'own-bump'" in said and said.count("\n") == 1
    with pytest.raises(BadInput, match="unknown activation 'own-bump'"):  # a run needs it
        read_config(run / "config.toml", trust=True)
    with pytest.raises(ValueError, match="unknown"):
        activation_code("own-bump")
    assert not (elsewhere / "here" / "ran").exists()


@pytest.mark.parametrize("name", ["payload:Payload-v0", "payload:f"])
def test_a_training_runs_nothing_that_lies_beside_its_file(elsewhere, name):
    run = received(elsewhere / "run", FUNCTION)
    (run / "mine.toml").write_text(f'model = [4]\ndata = "{name}"\n')
    said = neat("train", run / "mine.toml", "--method", "snes", cwd=elsewhere / "here", code=2).stderr
    assert said.count("\n") == 1 and not (run / "ran").exists()


def test_settings_given_from_python_run_the_code_that_they_name(elsewhere):
    run = received(elsewhere / "run", FUNCTION)
    task = FunctionSettings("payload:f", 4, 1, folder=str(run), workers=1)
    assert evolve(task, generations=1, population=4, quiet=True).champion is not None
    assert (run / "ran").exists()


def test_a_command_never_runs_the_script_again_that_made_the_run(tmp_path):
    """Without a guard in the script, importing it for its fitness function would evolve anew, over the run."""
    (tmp_path / "script.py").write_text(
        "from experiments import evolve\n"
        "def fitness(network):\n    return float(network([1.0, 0.5])[0])\n"
        "evolve(fitness, num_inputs=2, num_outputs=1, generations=2, population=20, workers=0, quiet=True, out='run',\n"
        "       overwrite=True)\n"
    )
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=env(), check=True, timeout=120)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    for arguments in (("evaluate", "run"), ("resume", "run", "--generations", 3), ("refine", "run")):
        said = neat(*arguments, cwd=tmp_path, code=2).stderr
        assert "calls evolve() while it is imported" in said and len(said.splitlines()) == 1
    neat("show", "run", cwd=tmp_path)
    neat("export", "run", cwd=tmp_path)
    assert {path: path.read_bytes() for path in before} == before
