"""What was found is kept, whatever ends a run: Ctrl-C, an exception, kill -9, a full disk, another run in its place."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from experiments import evolve
from experiments.checkpoint import last_checkpoint
from experiments.config import load_config
from experiments.record import RunFolder
from genomes.files import writing
from tests.run_cases import ENDLESS, child, contents, neat, newest, outcome

pytestmark = pytest.mark.slow  # real processes, many of them

SMALL = dict(num_inputs=2, num_outputs=1, population=20, workers=0, quiet=True)


def value(network):
    return float(network([1.0, 0.5])[0])


# Files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    path.chmod(0o600)
    with pytest.raises(OSError, match="full") as raised, writing(path) as file:
        file.write_text("ne")
        raise OSError(28, "full", str(file))
    assert raised.value.filename == str(path) and path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1
    with writing(path) as file, writing(path) as other:
        other.write_text("other")
        file.write_text("new")
    assert path.read_text() == "new" and path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_writer_has_left_is_tidied_up(home):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom genomes.files import writing\n"
        "with writing(Path('run/champion.json')) as file:\n"
        "    file.write_text('ha')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    before = contents(home / "run")
    assert child(code, cwd=home).returncode == -signal.SIGKILL and len(contents(home / "run")) == len(before) + 1
    RunFolder.open(home / "run").close()
    assert contents(home / "run").keys() == before.keys()


def test_files_of_the_users_own_in_the_folder_stay(home):
    folder = home / "run"
    for name in (".notes.tmp", ".my.tmp.json", ".config.old.tmp.toml", ".deleted-photos/a", ".cache.tmp/b"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("the user's")
    kept = {p for p in folder.rglob("*") if p.is_file() and p.read_bytes() == b"the user's"}
    neat("resume", "run", "--generations", 4, "--quiet", cwd=home, code=1)
    neat("run", "endless.toml", "--out", "run", "--overwrite", "--quiet", "--generations", 1, cwd=home, code=1)
    assert len(kept) == 5 and all(path.read_text() == "the user's" for path in kept)


@pytest.mark.parametrize("name", [".replaced", ".replaced-in-part", ".deleted-0a1b2c3d"])
def test_a_link_to_another_folder_moves_nothing_there(home, name):
    (home / "docs").mkdir()
    (home / "docs" / "thesis.txt").write_text("precious")
    (home / "run" / name).symlink_to(home / "docs")
    before = contents(home / "run")
    neat("show", "run", cwd=home)
    RunFolder.open(home / "run").close()
    assert (
        contents(home / "docs") == {Path("thesis.txt"): b"precious"}
        and before.items() <= contents(home / "run").items()
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_only_checkpoint_outlives_a_kill_while_it_is_replaced(home, count):
    kept = sorted((home / "run" / "checkpoints").iterdir())
    shutil.rmtree(kept[0])
    code = (
        f"import os, signal, sys\nrename, left = os.rename, {count}\n"
        "def killed(*arguments):\n"
        "    global left\n"
        "    if left == 0:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    left -= 1\n    rename(*arguments)\n"
        "os.rename = killed\n"
        "from experiments.cli import main\nmain(['resume', 'run', '--quiet'])"
    )
    done = child(code, cwd=home)
    assert done.returncode == (-signal.SIGKILL if count < 2 else 1), done.stderr
    checkpoint = last_checkpoint(home / "run" / "checkpoints", pytest.fail)
    assert checkpoint is not None and checkpoint.state["run"]["generations"] == 3
    assert [p.name for p in (home / "run" / "checkpoints").iterdir()] == [kept[-1].name]


# Ctrl-C

MANY = """
import os, signal, sys
import experiments.checkpoint as checkpoint
write = checkpoint._write_synced
def interrupted(path, data):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    write(path, data)
checkpoint._write_synced = interrupted
from envs.control.task import NativeTask
evaluate, calls = NativeTask.evaluate, []
def evaluated(self, *arguments):
    calls.append(1)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return evaluate(self, *arguments)
NativeTask.evaluate = evaluated
from experiments.cli import main
main(["run", "endless.toml", "--out", "run", "--quiet"])
"""


def test_ctrl_c_once_and_again_still_ends_with_a_checkpoint(old, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS.replace("checkpoint_seconds = 0.0", ""))
    done = child(MANY, cwd=tmp_path)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert newest(tmp_path / "run") == "00000004"
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["generations"] == 4
    assert outcome(tmp_path / "run")[0][:4] == outcome(old / "run")[0]


def test_ctrl_c_in_evolve_returns_what_was_found(tmp_path):
    code = (
        "import os, signal\nfrom experiments import evolve\ncalls = []\n"
        "def value(network):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 65:\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return float(network([1, 0.5])[0])\n"
        "for out in (None, 'run'):\n"
        "    calls.clear()\n"
        "    found = evolve(value, num_inputs=2, num_outputs=1, population=20, workers=0, quiet=True, out=out)\n"
        "    print(found.stopped, found.generations, len(found.history), found.champion.num_inputs, found)\n"
        "calls[:] = range(60)\n"
        "try:\n    evolve(value, num_inputs=2, num_outputs=1, population=20, workers=0, quiet=True)\n"
        "except KeyboardInterrupt:\n    print('nothing was found')\n"
    )
    done = child(code, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and lines[2] == "nothing was found", done.stderr
    assert all(line.startswith("interrupted 3 3 ") and "not solved, interrupted" in line for line in lines[:2])
    assert (tmp_path / "run" / "checkpoints" / "00000003").is_dir()


def test_ctrl_c_in_the_last_test_of_a_champion_leaves_it_untested(tmp_path):
    code = (
        "import os, signal\nfrom experiments.tasks import EnvironmentSettings\n"
        "def tested(self, *arguments):\n    os.kill(os.getpid(), signal.SIGINT)\n    return {'mean': 1.0}\n"
        "EnvironmentSettings.final_test = tested\n"
        "from experiments.cli import main\nmain(['run', 'cartpole', '--out', 'run', '--json', '--quiet'])"
    )
    done = child(code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["solved"] and "test" not in summary and summary == json.loads(done.stdout)


def test_ctrl_c_keeps_what_training_and_searching_found(tmp_path):
    code = (
        "import os, signal\nfrom experiments import train\nfrom neat.weights import minimize\n"
        "def interrupt(*_):\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "import experiments.training.train as module\n"
        "judge = module.RowsJudge.__call__\n"
        "def judged(self, weights):\n    interrupt() if len(self.weights) else None\n    judge(self, weights)\n"
        "module.RowsJudge.__call__ = judged\n"
        "found = train((4,), 'moons', 'snes', evaluations=10**6, on_generation=lambda *_: interrupt())\n"
        "print(found.stopped, found.weights.size > 0)\n"
        "count = []\n"
        "def bowl(x):\n    count.append(1)\n    interrupt() if len(count) == 100 else None\n    return float(x @ x)\n"
        "best = minimize(bowl, bounds=[(-1, 1)] * 3)\n"
        "print(best.reason, 0 < best.evaluations < 100, best.value < 3)\n"
    )
    done = child(code, cwd=tmp_path)
    assert done.stdout.splitlines() == ["interrupted True", "interrupted True True"], done.stderr


# Exceptions


@pytest.mark.parametrize(
    "error", [OSError(2, "my plot file"), ValueError("cannot reshape"), MemoryError(), SystemExit(4)]
)
@pytest.mark.parametrize("recorded", [True, False])
def test_an_exception_of_a_callback_is_the_callbacks_own(tmp_path, error, recorded):
    def look(population, evaluation, report):
        if report.generation == 2:
            raise error

    out = tmp_path / "run" if recorded else None
    with pytest.raises(type(error)) as raised:
        evolve("CartPole-v1", generations=6, population=20, target=1e9, quiet=True, on_generation=look, out=out)
    assert raised.value is error and raised.traceback[-1].name == "look" and error.__context__ is None
    if recorded:
        summary = json.loads((out / "summary.json").read_text())
        assert summary["stopped"] == "failed" and summary["generations"] == 3
        assert newest(out) == "00000003"


def test_fitness_that_the_parameters_forbid_costs_no_generation(tmp_path):
    calls = []

    def falling(network):
        calls.append(1)
        return 1.0 if len(calls) <= 41 else -1.0

    out = tmp_path / "run"
    with pytest.raises(ValueError, match="negative"):
        evolve(falling, params="neat-2002", out=out, **SMALL)
    assert json.loads((out / "summary.json").read_text())["generations"] == 2
    assert newest(out) == "00000002"


def test_an_exception_while_genomes_are_bred_is_not_saved(tmp_path, monkeypatch):
    """What is half bred cannot go on: the checkpoint before it can."""
    import neat.algorithm as module

    breed, calls = module.breed, []

    def failing(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("a fault")
        return breed(*arguments)

    monkeypatch.setattr(module, "breed", failing)
    with pytest.raises(RuntimeError, match="a fault"):
        evolve("CartPole-v1", population=20, target=1e9, quiet=True, out=tmp_path / "run")
    assert len(outcome(tmp_path / "run")[0]) == 3 and not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("end", [np.True_, np.bool_(True), 1, np.array([True])])
def test_any_true_value_of_a_callback_ends_the_run(end):
    result = evolve(value, generations=5, on_generation=lambda *_: end, **SMALL)
    assert result.generations == 1 and result.stopped == "stopped by on_generation"


def test_a_genome_to_begin_with_is_found_from_the_file_that_names_it(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "own.toml").write_text('[task]\nname = "xor"\n[run]\ninitial_genome = "g.json"\n')
    assert load_config(str(tmp_path / "there" / "own.toml")).run.initial_genome == str(tmp_path / "there" / "g.json")


@pytest.mark.parametrize("recorded", [True, False])
def test_an_exception_that_only_costs_genomes_is_shown_whole_once(tmp_path, capsys, recorded):
    out = tmp_path / "run" if recorded else None
    evolve(lambda network: 1 / 0, on_error="worst", generations=2, out=out, **SMALL)
    shown = capsys.readouterr().err
    assert shown.count("Traceback") == 1 and shown.count("20 genomes failed, the first: ") == 2
    assert shown.rstrip().endswith("ZeroDivisionError: division by zero")


def test_ctrl_c_again_while_refine_writes_what_it_found(home):
    code = (
        "import os, signal\nimport experiments.training.folder as folder\n"
        "import experiments.training.refinement as refinement\n"
        "def interrupting(call, when):\n"
        "    calls = []\n"
        "    def interrupted(*arguments):\n"
        "        calls.append(1)\n"
        "        if len(calls) >= when:\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "        return call(*arguments)\n"
        "    return interrupted\n"
        "folder.save_genome = interrupting(folder.save_genome, 1)\n"
        "folder.write_json = interrupting(folder.write_json, 1)\n"
        "consider = refinement.Refinement._consider\n"
        "refinement.Refinement._consider = interrupting(consider, 3)\n"
        "from experiments.cli import main\n"
        "main(['refine', 'run', '--method', 'snes', '--out', 'refined', '--quiet'])"
    )
    done = child(code, cwd=home)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert json.loads((home / "refined" / "summary.json").read_text())["stopped"] == "interrupted"
    assert (home / "refined" / "champion.json").is_file()
