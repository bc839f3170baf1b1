"""Modules of the user's own from folders that are on no search path, in this process and in workers."""

import importlib
import sys

import pytest

from envs.own import import_own, own_files
from experiments.config import read_config
from experiments.evolution import evolve
from tests.run_cases import neat, outcome

pytestmark = pytest.mark.slow  # real processes, many of them


@pytest.fixture
def folders(tmp_path):
    """Two folders with modules of the same names, each with a number of its own."""
    for name in ("a", "b"):
        folder = tmp_path / name
        (folder / "own_pack").mkdir(parents=True)
        (folder / "own_task.py").write_text(
            "import own_pack.deep, own_beside\n"
            "def number(): return own_pack.deep.NUMBER, own_beside.NUMBER\n"
            "def late():\n    import own_late\n    return own_late.NUMBER\n"
        )
        for path in ("own_pack/__init__.py", "own_pack/deep.py", "own_beside.py", "own_late.py"):
            (folder / path).write_text(f"NUMBER = {name!r}\n")
    return tmp_path / "a", tmp_path / "b"


def test_two_modules_of_one_name_are_two_modules(folders):
    a, b = folders
    path, kept = list(sys.path), set(sys.modules)
    first = import_own("own_task", a)
    assert first.number() == ("a", "a") and first.late() == "a"
    assert import_own("own_task", a) is first
    second = import_own("own_task", b)
    assert second.number() == ("b", "b") and second.late() == "b"
    assert first.number() == ("a", "a")
    assert import_own("own_pack.deep", b).NUMBER == "b" and import_own("own_pack.deep", a).NUMBER == "a"
    assert sys.path == path
    import_own("colorsys", a.parent)  # an installed one: nothing of either folder is left
    assert not {name for name in set(sys.modules) - kept if name.startswith("own_")}


def test_a_scripts_own_modules_stay_its_own(folders, monkeypatch):
    a, b = folders
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(a))
        scripts = importlib.import_module("own_task")
    assert import_own("own_task", b).number() == ("b", "b")
    assert sys.modules["own_task"] is scripts and sys.modules["own_beside"].NUMBER == "a"
    assert import_own("own_task", a) is scripts
    for name in [name for name in sys.modules if name.startswith("own_")]:
        monkeypatch.delitem(sys.modules, name)


def test_no_file_of_the_user_stands_in_for_the_standard_library(folders, monkeypatch):
    a, _ = folders
    for name in ("colorsys", "wave", "random", "numpy", "sys"):
        (a / f"{name}.py").write_text(f"def fitness(network): return {name!r}\n")
    for name in ("colorsys", "wave"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (a / "own_task.py").write_text("import colorsys, random, numpy\ndef fitness(network): return 'mine'\n")
    before = sys.modules["random"], sys.modules["numpy"]
    assert import_own("own_task", a).colorsys.fitness(None) == "colorsys"  # as in a script
    assert import_own("random", a).fitness(None) == "random"
    assert import_own("numpy", a).fitness(None) == "numpy"
    assert (sys.modules["random"], sys.modules["numpy"]) == before
    assert not own_files("sys", a)
    for name in ("colorsys", "wave"):
        assert str(a) not in importlib.import_module(name).__file__


TASK = """
import threading
import own_beside
from genomes.functions import register_activation
register_activation("own-bend", own_beside.bend)
lock = threading.Lock()  # of which no copy can be sent
def fitness(network):
    import own_late
    with lock:
        return own_late.scale * float(network([0.5, 1.0])[0])
"""
WORLD = """
import gymnasium
gymnasium.register("Own-v0", entry_point="own_worlds.line:Line")
"""
LINE = """
import gymnasium
import numpy as np

class Line(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.np_random.uniform(-1, 1, 2).astype(np.float32), {}
    def step(self, action):
        import own_late
        self.steps += 1
        seen = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return seen, own_late.scale * float(action), False, self.steps == 5, {}
"""


@pytest.fixture
def project(tmp_path):
    """A project, its run folders elsewhere below it; ``test`` is a package of Python's, too."""
    own = tmp_path / "own"
    (own / "own_worlds").mkdir(parents=True)
    files = {"test.py": TASK, "own_beside.py": "def bend(x): return x * abs(x)\n", "own_late.py": "scale = 2.0\n",
             "own_world.py": WORLD, "own_worlds/__init__.py": "", "own_worlds/line.py": LINE}  # fmt: skip
    for name, text in files.items():
        (own / name).write_text(text)
    limits = "[neat]\npopulation = 12\nactivations = {}\n[run]\ngenerations = 2\n"
    shape = '[task]\nname = "test:fitness"\ninputs = 2\noutputs = 1\n'
    (own / "task.toml").write_text(shape + limits.format('["own-bend", "tanh"]'))
    world = '[task]\nname = "own_world:Own-v0"\nepisodes = 2\nvalidation_episodes = 5\n'
    (own / "world.toml").write_text(world + limits.format('["tanh"]'))
    return tmp_path


@pytest.mark.parametrize("name", ["task", "world"])
def test_workers_find_what_the_function_or_the_environment_needs(project, name):
    for workers in (1, 2):
        options = ["--set", f"task.workers={workers}", "--threads", workers]
        neat("run", f"own/{name}.toml", "--out", f"run{workers}", "--quiet", *options, cwd=project)
    assert outcome(project / "run1") == outcome(project / "run2")
    (project / "away").mkdir()
    neat("resume", "../run1", "--generations", 3, "--quiet", "--trust", cwd=project / "away")


def test_a_task_goes_on_after_another_of_the_same_name_was_read(tmp_path):
    tasks = []
    for k, name in enumerate(("a", "b")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "own_twin.py").write_text(f"def fitness(network): return {k}.0\n")
        path = folder / "mine.toml"
        path.write_text('[task]\nname = "own_twin:fitness"\ninputs = 1\noutputs = 1\nworkers = 1\n')
        tasks.append(read_config(path, trust=True).task.make("stop"))
    assert [evolve(task, generations=1, population=4, quiet=True).best_fitness for task in tasks] == [0.0, 1.0]
