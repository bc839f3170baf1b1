"""A new run in the place of an old one: old data go only when the new run is there."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from experiments import evolve
from experiments.errors import BadInput
from experiments.record import RunFolder
from genomes.files import save_genome
from tests.run_cases import child, contents, env, neat, outcome

pytestmark = pytest.mark.slow  # real processes, many of them


@pytest.mark.parametrize("setting", ["neat.population=1000000000000", "run.initial_genome=other.json"])
def test_a_run_that_cannot_begin_replaces_nothing(home, setting):
    result = evolve(
        lambda network: float(network([1, 1])[0]), num_inputs=2, num_outputs=1, generations=1, workers=0, quiet=True
    )
    save_genome(result.champion, home / "other.json")  # of another shape
    before = contents(home / "run")
    done = neat("run", "endless.toml", "--out", "run", "--overwrite", "--set", setting, cwd=home, code=None)
    assert done.returncode in (2, 3) and len(done.stderr.splitlines()) == 1
    assert contents(home / "run") == before


def test_a_full_disk_replaces_nothing(home):
    before = contents(home / "run")
    code = "import sys; from experiments.cli import main; main(sys.argv[1:])"
    done = child(code, "run", "endless.toml", "--out", "run", "--overwrite", cwd=home, limit=100)
    assert done.returncode == 3 and "config.toml: cannot be written" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and contents(home / "run") == before
    done = child(code, "refine", "run", "--out", "refined", "--evaluations", 5, "--quiet", cwd=home, limit=100)
    assert done.returncode == 3 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert not (home / "refined").exists()
    done = child(code, "resume", "run", "--generations", 4, "--quiet", cwd=home, limit=100)
    assert done.returncode == 3 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    neat("resume", "run", "--generations", 4, "--quiet", cwd=home, code=1)
    assert len(outcome(home / "run")[0]) == 5


def test_a_run_may_begin_with_the_champion_that_it_replaces(home):
    champion = (home / "run" / "champion.json").read_bytes()
    options = ("--out", "run", "--overwrite", "--quiet", "--set", "run.initial_genome=run/champion.json")
    neat("run", "run/config.toml", *options, cwd=home, code=1)
    assert (home / "run" / "initial.json").read_bytes() == champion
    shutil.rmtree(home / "run" / "checkpoints")
    (home / "run" / "summary.json").unlink()
    done = outcome(home / "run")
    (home / "run").rename(home / "moved")
    neat("resume", "moved", "--quiet", cwd=home, code=1)
    assert outcome(home / "moved") == done


def test_a_link_in_the_folder_is_replaced_not_followed(home):
    (home / "run" / "checkpoints").rename(home / "elsewhere")
    (home / "run" / "checkpoints").symlink_to(home / "elsewhere")
    neat("run", "endless.toml", "--out", "run", "--overwrite", "--quiet", "--generations", 1, cwd=home, code=1)
    assert len(list((home / "elsewhere").iterdir())) == 2 and not (home / "run" / "checkpoints").is_symlink()


KILLED = """
import os, signal, sys
from pathlib import Path
from experiments.record import RunFolder, write_whole
count = int(sys.argv[1])
def killing(call):
    def killed(*arguments):
        global count
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        count -= 1
        return call(*arguments)
    return killed
os.rename, os.replace, os.unlink = killing(os.rename), killing(os.replace), killing(os.unlink)
folder = RunFolder.create(Path("run"), overwrite=True)
folder.replace()
write_whole(Path("run/config.toml"), "new")
write_whole(Path("run/initial.json"), "new")
if len(sys.argv) == 2:
    folder.settle()
folder.close()
os.rename = lambda *_: None
"""


@pytest.mark.parametrize("fails", [False, True])
def test_killed_while_one_run_replaces_another(home, fails):
    """Either the old run is there, whole, or the new one is; whenever it is killed, and however often."""
    before = contents(home / "run")
    killed = 0
    for count in range(40):
        shutil.rmtree(home / "run")
        shutil.copytree(home / "old" if (home / "old").exists() else _keep(before, home), home / "run")
        done = child(KILLED, count, *["fails"] * fails, cwd=home)
        killed += done.returncode == -signal.SIGKILL
        if count % 3 == 1:  # also while it is put in order
            child(KILLED, count // 2, *["fails"] * fails, cwd=home)
        RunFolder.open(home / "run").close()
        found = contents(home / "run")
        found.pop(next(p for p in found if p.name == ".lock"), None)
        assert found == {p: b for p, b in before.items() if p.name != ".lock"} or (
            not fails and found == {p: b"new" for p in found} and len(found) == 2
        ), (count, sorted(found))
        if done.returncode != -signal.SIGKILL:
            break
    assert killed > 8


def _keep(before, home):
    for path, data in before.items():
        (home / "old" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "old" / path).write_bytes(data)
    return home / "old"


def test_a_folder_that_was_made_for_nothing_goes(tmp_path):
    RunFolder.create(tmp_path / "new").close()
    RunFolder.fresh("name", 1, tmp_path).close()
    (tmp_path / "users").mkdir()
    RunFolder.create(tmp_path / "users").close()
    assert [p.name for p in tmp_path.iterdir()] == ["users"]


def test_refine_never_writes_into_its_run(home):
    before = contents(home / "run")
    done = neat("refine", "run", "--out", "./run", "--overwrite", cwd=home, code=2)
    assert "choose another folder" in done.stderr and contents(home / "run") == before


def test_a_run_without_its_checkpoints_is_not_begun_again_over_what_it_found(home):
    shutil.rmtree(home / "run" / "checkpoints")
    before = contents(home / "run")
    assert "checkpoints: is missing" in neat("resume", "run", cwd=home, code=2).stderr
    assert contents(home / "run") == before


def test_another_process_is_not_disturbed(home):
    """A folder in use is not put in order by somebody who looks at it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom experiments.record import RunFolder\n"
        "folder = RunFolder.create(Path('run'), True)\nfolder.replace()\nprint('begun', flush=True)\nsys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=home, env=env(), stdin=-1, stdout=-1, text=True)
    try:
        assert process.stdout.readline() == "begun\n"
        with pytest.raises(BadInput, match="holds no run"):
            RunFolder.open(home / "run")
        assert "in use" in neat("run", "xor", "--out", "run", "--overwrite", cwd=home, code=2).stderr
        assert os.path.isdir(home / "run" / ".replaced")
    finally:
        process.kill()
        process.communicate()
    assert json.loads(neat("evaluate", "run", "--json", "--episodes", 2, cwd=home).stdout)["episodes"] == 2


OWN = """
import os, signal
def fitness(network):
    if os.path.exists("BAD"):
        raise RuntimeError("a typo")
    if os.path.exists("CTRL-C"):
        os.kill(os.getpid(), signal.SIGINT)
    return float(network([1.0, 0.5])[0])
"""


@pytest.fixture
def own(tmp_path):
    """A folder with a run of an own function, which can be made to fail."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "again.py").write_text(
        "import sys\nfrom own import fitness\nfrom experiments import evolve\n"
        "evolve(fitness, num_inputs=2, num_outputs=1, generations=2, population=20, workers=0, out='run',\n"
        "       overwrite=True)\n"
    )
    assert child("import again", cwd=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize("trouble", ["BAD", "CTRL-C"])
def test_a_run_that_does_no_generation_gives_the_old_one_back(own, trouble):
    before = contents(own / "run")
    (own / trouble).touch()
    done = child("import again", cwd=own)
    assert done.returncode != 0 and "no generation was done: the run that it held stays" in done.stderr, done.stderr
    assert contents(own / "run") == before


def test_refine_keeps_what_it_found_when_the_function_fails(own):
    code = (
        "import os\nfrom experiments.training.folder import refine_champion\n"
        "def look(point):\n    open('BAD', 'w').close() if point.generation == 3 else None\n"
        "refine_champion('run', 'snes', evaluations=10**6, out='refined', on_generation=look)"
    )
    done = child(code, cwd=own)
    assert done.returncode == 1 and "a typo" in done.stderr
    summary = json.loads((own / "refined" / "summary.json").read_text())
    assert summary["stopped"] == "failed" and (own / "refined" / "champion.json").is_file()
    assert len((own / "refined" / "training.csv").read_text().splitlines()) == 5


def test_what_was_exported_goes_with_its_run(home):
    neat("export", "run", cwd=home)
    neat("run", "endless.toml", "--out", "run", "--overwrite", "--quiet", "--generations", 1, cwd=home, code=1)
    assert not (home / "run" / "champion.py").exists()
    (home / "run" / "champion.py").symlink_to(home / "victim")
    assert "champion.py" in neat("export", "run", cwd=home, code=2).stderr and not (home / "victim").exists()


def test_what_is_no_checkpoint_stands_in_the_way_of_none(home):
    checkpoints = home / "run" / "checkpoints"
    (checkpoints / "99999998").mkdir()
    (checkpoints / "99999999").mkdir()
    (checkpoints / ".00000005.tmp").write_text("a file")
    for generations in (5, 6):
        neat("resume", "run", "--generations", generations, "--quiet", cwd=home, code=1)
    assert sorted(p.name for p in checkpoints.glob("[0-9]*")) == ["00000005", "00000006"]


def test_a_module_that_refines_over_a_run_when_it_is_imported_does_not(own):
    (own / "guardless.py").write_text(
        "from own import fitness\nfrom experiments.training.folder import refine_champion\n"
        "refine_champion('run', 'snes', evaluations=50, out='refined', overwrite=True)\n"
    )
    assert child("import guardless", cwd=own).returncode == 0
    before = contents(own / "refined")
    config = own / "run" / "config.toml"
    config.write_text(config.read_text().replace("own:fitness", "guardless:fitness"))
    said = neat("evaluate", "run", cwd=own, code=2).stderr
    assert "'guardless' opens the run folder refined while it is imported" in said
    assert contents(own / "refined") == before
