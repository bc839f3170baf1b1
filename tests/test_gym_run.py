"""Runs on Gymnasium environments, from the command line and from Python."""

import json
import textwrap

import gymnasium
import numpy as np
import pytest

from envs.control.task import NativeTask
from envs.gym import judge
from envs.gym.task import GymTask
from envs.native import native_env
from experiments.checkpoint import last_checkpoint
from experiments.cli import _run
from experiments.config import RunSettings, load_config
from experiments.errors import BadInput
from experiments.evolution import evolve
from experiments.run import Run
from experiments.tasks import EnvironmentSettings, FunctionSettings, GymSettings, settings_class
from genomes.files import load_genome, load_scaling
from genomes.network import Network
from genomes.networks import compile_population
from neat.params import NEATParams
from tests import gym_worlds as worlds

SMALL = ["--quiet", "--population", "12", "--threads", "1", "--set", "task.episodes=2", "--set",
         "task.validation_episodes=5", "--set", "run.stop_when_solved=false"]  # fmt: skip
CARTPOLE = ["run", "CartPole-v1", "--set", "task.native=false", *SMALL]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def metrics(folder):
    return [line.split(",")[:9] for line in (folder / "metrics.csv").read_text().splitlines()]


def test_names_and_what_they_are():
    assert settings_class("CartPole-v1") is settings_class("speciate/CartPole-v1") is EnvironmentSettings
    assert settings_class("CartPole-v1", {"native": False}) is GymSettings
    assert settings_class("CartPole-v1", {"kwargs": {"sutton_barto_reward": True}}) is GymSettings
    for name in ("LunarLander-v3", "ALE/Pong-v5", "my.module:Thing-v0", "my_module:space/Thing-v12"):
        assert settings_class(name) is GymSettings
    assert settings_class("module:fitness") is FunctionSettings


def test_an_id_is_enough_and_what_was_chosen_is_in_the_config(capsys):
    assert _run(["run", "FrozenLake-v1", "--generations", "1", "--population", "10", "--threads", "1"]) == 1
    said = capsys.readouterr().err
    for text in (
        'neat.preset = "control"',
        "task.episodes = 5",
        "inputs: 16",
        "outputs: 4, the largest",
        "0.7 over 100",
    ):
        assert text in said
    assert load_config("runs/FrozenLake-v1-1-1/config.toml").neat == load_config(
        "FrozenLake-v1", ["neat.population=10"]
    ).neat  # fmt: skip
    assert load_config("FrozenLake-v1", ["task.kwargs.is_slippery=false"]).task.episodes == 1  # its seeds do not matter
    assert "our own environment" in load_config("CartPole-v1").notes[0]


@pytest.mark.slow
def test_running_scaling_survives_an_interruption_and_travels_with_the_champion(tmp_path):
    through, broken = tmp_path / "through", tmp_path / "broken"
    assert _run([*CARTPOLE, "--generations", "3", "--out", str(through)]) in (0, 1)
    assert _run([*CARTPOLE, "--generations", "1", "--out", str(broken)]) in (0, 1)
    assert _run(["resume", str(broken), "--generations", "3", "--threads", "1", "--quiet"]) in (0, 1)
    assert metrics(through) == metrics(broken)
    assert (through / "champion.json").read_bytes() == (broken / "champion.json").read_bytes()
    moments = last_checkpoint(broken / "checkpoints", print).arrays["task.observations"]
    assert moments.shape == (9,) and moments[0] > 0
    scaling = load_scaling(through / "champion.json")
    assert scaling is not None and scaling.scale.shape == (4,)


def test_evaluate_reports_fresh_episodes_with_the_champions_scaling(tmp_path, capsys):
    assert _run([*CARTPOLE, "--generations", "3", "--out", str(tmp_path / "run")]) in (0, 1)
    assert _run(["evaluate", str(tmp_path / "run"), "--seed", "7", "--episodes", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    file, task = tmp_path / "run" / "champion.json", GymTask("CartPole-v1")
    network = Network(load_genome(file), scaling=load_scaling(file))
    expected = judge("CartPole-v1", network, task.actions, 10, 7, observe=task.observations)
    assert found == {
        "mean": expected.mean,
        "std": expected.std,
        "min": expected.min,
        "max": expected.max,
        "episodes": 10,
    }
    assert judge("CartPole-v1", Network(load_genome(file)), task.actions, 10, 7) != expected


def test_a_module_that_registers_on_import(tmp_path, capsys):
    (tmp_path / "my_worlds.py").write_text(
        textwrap.dedent(
            """
            import gymnasium
            from tests.gym_worlds import Line

            gymnasium.register("Line-v3", entry_point=Line, max_episode_steps=20)
            """
        )
    )
    out = tmp_path / "out"
    assert _run(["run", "my_worlds:Line-v3", *SMALL, "--generations", "2", "--out", str(out)]) == 0
    assert _run(["evaluate", str(out), "--episodes", "3"]) == 0
    assert "my_worlds:Line-v3: mean" in capsys.readouterr().out


def test_the_best_few_are_reconsidered_on_further_episodes():
    task = GymTask("Pendulum-v1", workers=0, episodes=1, recheck=6, recheck_episodes=5)
    run = Run.new(NEATParams(population=20), task, RunSettings(), None)
    population = run.algorithm.ask()
    nets = compile_population(population)
    changed = 0
    for generation in range(5):
        evaluation = task.evaluate(nets, (1, generation))
        best = np.argsort(-evaluation.fitness, kind="stable")[:6]
        again = task.reconsider(nets, (1, generation)).fitness
        assert run._candidate(population, evaluation, (1, generation)) == best[np.argmax(again[best])]
        changed += bool(np.argmax(again[best]))
    assert changed


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["FrozenLak-v1"], "did you mean 'FrozenLake-v1'"),
        (["FrozenLake"], "did you mean 'FrozenLake-v1'"),
        (["FrozenLake-v1", "--set", "task.kwargs.slippy=true"], "slippy"),
        (["FrozenLake-v1", "--set", "task.kwargs=3"], "must be a table"),
        (["FrozenLake-v1", "--set", "task.starts=any"], "must be one of common, own"),
        (["FrozenLake-v1", "--set", "neat.selection=novelty"], "needs a task that says how networks behave"),
        (["pendulum", "--set", "neat.selection=novelty"], "needs a task that says how networks behave"),
        (["iris", "--set", "neat.selection=novelty"], "needs a task that says how networks behave"),
        (["no_such_module:Foo-v0"], "no_such_module"),
        (["CartPole-v1", "--set", "task.discrete=argmax"], "task.native = false takes Gymnasium's"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_folder(arguments, text, tmp_path, capsys):
    assert _run(["run", *arguments]) == 2
    said = capsys.readouterr().err
    assert text in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_environment_that_ends_its_process_does_not_end_ours(tmp_path, capsys):
    (tmp_path / "gone.py").write_text(
        textwrap.dedent(
            """
            import os

            import gymnasium
            from tests.gym_worlds import Line

            class Gone(Line):
                def __init__(self):
                    os._exit(0)

            gymnasium.register("Gone-v0", entry_point=Gone)
            """
        )
    )
    assert _run(["run", "gone:Gone-v0"]) == 2
    said = capsys.readouterr().err
    assert 'task.name = "gone:Gone-v0": the process in which it is made ends' in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_spaces_that_cannot_be_mapped_from_the_command_line(tmp_path):
    class Talking(worlds.Line):
        action_space = gymnasium.spaces.Text(3)

    gymnasium.register("Talking-v0", entry_point=Talking)
    with pytest.raises(BadInput, match=r'task.name = "Talking-v0": the action space is Text'):
        load_config("Talking-v0")


def test_a_run_in_which_every_genome_fails_is_no_success(tmp_path, capsys):
    (tmp_path / "void.py").write_text(
        textwrap.dedent(
            """
            import gymnasium
            from tests.gym_worlds import Line

            class Void(Line):
                def step(self, action):
                    return super().step(action)[0], float("nan"), True, False, {}

            gymnasium.register("Void-v0", entry_point=Void)
            """
        )
    )
    out = tmp_path / "out"
    arguments = [word for word in SMALL if word != "--quiet"]
    assert _run(["run", "void:Void-v0", *arguments, "--generations", "2", "--out", str(out)]) == 1
    assert "No champion: every genome failed" in capsys.readouterr().err
    assert _run(["evaluate", str(out)]) == 2
    assert "the run has no champion yet" in capsys.readouterr().err


def test_from_python():
    few = {"generations": 2, "population": 10, "quiet": True, "workers": 0, "stop_when_solved": False}
    result = evolve(worlds.Line, **few)
    again = evolve(lambda: worlds.Line(), **few)
    assert result.best_fitness == again.best_fitness
    assert result.scaling is not None and result.network([0.5, 0.0]).shape == (1,)
    named = evolve(GymTask("FrozenLake-v1", workers=0), **{k: v for k, v in few.items() if k != "workers"})
    assert named.generations == 2 and named.scaling is None
    with pytest.raises(TypeError, match="num_inputs"):
        evolve(lambda network: 1.0, **few)
    with pytest.raises(ValueError, match="did you mean 'FrozenLake-v1'"):
        evolve("FrozenLak-v1", **few)


def test_the_real_environment_agrees_with_ours():
    """The same network in both: fitness has the same distribution of starts."""
    real = GymTask("CartPole-v1", workers=0, episodes=60, scaling="none")
    ours = NativeTask(native_env("CartPole-v1"), episodes=60)
    from tests.test_gym_task import networks

    nets = networks(real, 15)
    a, b = real.evaluate(nets, (1, 1)), ours.evaluate(nets, (1, 1))
    np.testing.assert_allclose(np.log(a.fitness), np.log(b.fitness), atol=0.35)


def test_replay_without_a_display(tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert _run([*CARTPOLE, "--generations", "1", "--out", str(tmp_path / "run")]) in (0, 1)
    assert _run(["replay", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "there is no display" in said and said.count("\n") == 1
    assert _run(["replay", str(tmp_path / "run"), "--out", "x.txt"]) == 2


def test_replay_writes_a_gif_and_an_mp4(tmp_path):
    pytest.importorskip("pygame")
    imageio = pytest.importorskip("imageio.v3")
    run = tmp_path / "run"
    assert _run([*CARTPOLE, "--generations", "1", "--set", "task.max_steps=30", "--out", str(run)]) in (0, 1)
    (tmp_path / "film.mp4").symlink_to("other.mp4")
    for name in ("film.gif", "film.mp4"):
        assert _run(["replay", str(run), "--out", str(tmp_path / name)]) == 0
        frames = imageio.imread(tmp_path / name)
        assert 5 < len(frames) <= 31 and frames[0].std() > 1 and (frames[0] != frames[-1]).any()
    assert (tmp_path / "film.mp4").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["film.gif", "film.mp4", "other.mp4", "run"]
