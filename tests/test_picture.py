"""Pictures of native environments, and replays of them."""

import math
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from envs.gym.native import NativeGymEnv
from envs.native import NATIVE_ENVS, native_env
from envs.picture import BLUE, Disc, Line, Picture
from experiments.cli import _run
from tests.native_cases import walk

STATES = {
    "CartPoleSwingUp-v0": ((0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)),
    "MazeMedium-v0": ((30.0, 22.0, 0.0, 0.0, 0.0), (200.0, 110.0, 0.0, 0.0, 0.0)),
    "MazeHard-v0": ((36.0, 184.0, 0.0, 0.0, 0.0), (36.0, 184.0, 90.0, 0.0, 0.0)),
    "SlimeVolley-v0": ((0.0,) * 16, (5.0, 5.0, *(0.0,) * 14)),
    "SinglePole2008-v0": ((0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0)),
    "DoublePole2002-v0": ((0.0,) * 6, (0.0, 0.0, 0.0, 0.0, 0.5, 0.0)),
    "DoublePole2008-v0": ((0.0,) * 6, (0.0, 0.0, 0.5, 0.0, 0.0, 0.0)),
}


def test_what_gymnasium_cannot_draw_has_a_picture():
    assert {name for name in NATIVE_ENVS if native_env(name).gymnasium_id is None} == set(STATES)


@pytest.mark.parametrize("env_id", STATES)
def test_pictures_show_the_state(env_id):
    pytest.importorskip("pygame")
    env = gymnasium.make(f"speciate/{env_id}", render_mode="rgb_array")
    drawn = []
    for state in STATES[env_id]:
        env.reset(options={"state": state})
        drawn.append(env.render())
    env.close()
    for array in drawn:
        assert array.dtype == np.uint8 and array.shape[1:] == (600, 3) and array.shape[0] % 2 == 0
        assert len(np.unique(array.reshape(-1, 3), axis=0)) > 2
    assert (drawn[0] != drawn[1]).any()
    assert env.metadata["render_fps"] == native_env(env_id).picture.fps


def test_places_in_a_picture():
    """Twelve wide and six high, with y upwards in the first and downwards in the second."""
    pytest.importorskip("pygame")

    def draw(state):
        return [Disc((np.float32(2.0), state[0]), 1.0, (255, 0, 0)), Line((6.0, 1.0), (12.0, 1.0), 2.0, BLUE)]

    for low, high, row in (((0.0, 0.0), (12.0, 6.0), 50), ((0.0, 6.0), (12.0, 0.0), 250)):
        env = NativeGymEnv(replace(walk(np.float32(0.5)), picture=Picture(draw, low, high, 30.0)), "rgb_array")
        env.reset(options={"state": (5.0,)})
        array = env.render()
        assert array.shape == (300, 600, 3)
        assert tuple(array[row, 100]) == (255, 0, 0) and tuple(array[row, 145]) == (255, 0, 0)
        assert tuple(array[row, 155]) == (255, 255, 255)
        assert tuple(array[300 - row, 305]) == BLUE and tuple(array[300 - row, 295]) == (255, 255, 255)


@pytest.mark.parametrize("env_id, leans_right", [("CartPoleSwingUp-v0", -1), ("DoublePole2002-v0", 1)])
def test_a_pole_leans_to_the_side_that_it_falls_to_when_the_cart_is_pushed_away(env_id, leans_right):
    """Pushed to the right, a cart leaves its pole behind, on the left."""
    env = native_env(env_id)
    state = (np.float32(0.0),) * env.num_states
    for _ in range(10):
        state, _, _ = env.step(state, (np.float32(1.0),))
    assert state[0] > 0.0 and state[2] * leans_right < 0.0
    pole = next(shape for shape in env.picture.draw(state) if isinstance(shape, Line) and shape.colour == BLUE)
    assert pole.end[0] < pole.start[0] == pytest.approx(state[0])
    assert math.dist(pole.start, pole.end) == pytest.approx(1.0 if leans_right > 0 else 0.6, rel=1e-5)


def test_a_window(monkeypatch):
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    shown = []
    drawn = native_env("CartPoleSwingUp-v0").picture
    picture = drawn._replace(draw=lambda state: shown.append(state) or drawn.draw(state), fps=1000.0)
    env = NativeGymEnv(replace(native_env("CartPoleSwingUp-v0"), picture=picture), "human")
    env.reset(seed=1)
    env.step(np.zeros(1, np.float32))
    assert len(shown) == 2 and env.render() is None
    env.close()


def test_without_a_picture_there_is_nothing_to_render():
    with pytest.raises(ValueError, match=r"Walk has no picture"):
        NativeGymEnv(walk(np.float32(0.5)), "rgb_array")
    assert NativeGymEnv(walk(np.float32(0.5))).metadata["render_modes"] == []


def test_replay_of_an_environment_of_ours(tmp_path, capsys):
    pytest.importorskip("pygame")
    imageio = pytest.importorskip("imageio.v3")
    run, film = tmp_path / "run", tmp_path / "film.gif"
    arguments = ["--generations", "1", "--population", "10", "--threads", "1", "--quiet", "--out", str(run)]
    assert _run(["run", "double-pole", *arguments]) == 1
    assert _run(["replay", str(run), "--out", str(film)]) == 0
    frames = imageio.imread(film)
    steps = float(capsys.readouterr().out.split("return ")[1].split()[0])
    assert len(frames) == math.ceil((steps + 1) / 2)  # of fifty a second
    assert (frames[0] != frames[-1]).any()
