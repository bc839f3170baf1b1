"""Users' own environments, and what is said when one cannot be compiled."""

import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from envs import native
from envs.control.cartpole import CARTPOLE
from envs.control.task import NativeTask
from envs.gym.native import NativeGymEnv
from envs.native import NativeEnvError
from envs.rollout import rollout, starting_states
from tests.native_cases import up, walk
from tests.test_rollout import networks_of, one_node

START = (np.float32(0.25),)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 100])
def test_closures_and_lambdas_make_an_environment(count):
    starts = np.array([[0.25]], np.float32)
    for size, steps, total in [(0.5, 2, 2.0), (0.0625, 7, 7 * 0.25 + 28 * 0.0625)]:
        played = rollout(walk(np.float32(size)), up(count), starts)
        assert np.all(played.steps == steps) and np.all(played.returns == np.float32(total))


def test_a_state_that_is_none_is_refused_and_leaves_the_episode_alone():
    env = NativeGymEnv(walk(np.float32(0.5)))
    env.reset(options={"state": START})
    for state in ((), (1.0, 2.0), "a", 5, [np.nan], [[0.0, 1.0]], [None], [1e300]):
        with pytest.raises(ValueError, match="a state of Walk is 1 finite numbers"):
            env.reset(options={"state": state})
        assert env.state == START


def test_environment_of_a_script():
    code = """
import numpy as np
from envs.native import NativeEnv
from envs.rollout import starting_states
TOTAL = np.float32(3)  # a name that the rollout uses too
def reset(randoms): return (randoms[0] + TOTAL,)
def observe(state): return state
def act(outputs): return outputs
def step(state, action): return state, action, True
env = NativeEnv("mine", reset, observe, act, step, 1, 1, 1, 5, ((-1.0,), (1.0,)))
print(3 <= starting_states(env, (1, 2), 200, 3).min() < 4)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr


def importing(outputs):
    import random

    return random.random()


def uncompilable(state):
    return {"x": state}.get(open)


BROKEN = {
    "observe": uncompilable,
    "reset": lambda randoms: (randoms[0], randoms[0]),
    "act": importing,
    "step": lambda state, action: (state, np.float32(0.0)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_clear_error_names_function_file_and_line(name):
    env = walk(np.float32(0.5), **{name: BROKEN[name]})
    line = BROKEN[name].__code__.co_firstlineno
    with pytest.raises(NativeEnvError, match=rf"'Walk': {name} \(.*test_native.py:{line}\)") as caught:
        rollout(env, up(), starting_states(env, (1, 1), 200, 1))
    assert "envs/kernels" not in str(caught.value)


def test_an_action_is_what_the_actions_say():
    for actions, act, why in (
        (2, lambda outputs: outputs, "must return a number, not"),
        (((-1.0,), (1.0,)), lambda outputs: outputs[0], "an action as a tuple of 1 numbers, not"),
        (((-1.0,), (1.0,)), lambda outputs: outputs, "an action as a tuple of 1 numbers, not"),
    ):
        with pytest.raises(NativeEnvError, match=f"act .*{why}"):
            rollout(walk(np.float32(1.0), actions=actions, act=act), up(), np.zeros((1, 1), np.float32))


def test_declaration_is_checked():
    with pytest.raises(ValueError, match="max_steps"):
        walk(np.float32(1.0), max_steps=0)
    with pytest.raises(ValueError, match="observations"):
        walk(np.float32(1.0), observations=((1.0, 1.0), (1.0, 1.0)))
    for actions in (0, ((1.0,), (-1.0,)), ((), ()), ((0.0,), (1.0, 1.0))):
        with pytest.raises(ValueError, match="actions must be"):
            walk(np.float32(1.0), actions=actions)
    with pytest.raises(NativeEnvError, match="step must be a plain function"):
        walk(np.float32(1.0), step=np.sum)
    with pytest.raises(ValueError, match="4 inputs"):
        rollout(CARTPOLE, up(), np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match="shape"):
        rollout(walk(np.float32(1.0)), up(), np.zeros((1, 4), np.float32))


@pytest.mark.parametrize("what", ["state", "reward"])
@pytest.mark.parametrize("count", [1, 100])
def test_what_is_not_finite_fails_the_genome(what, count):
    """State or reward becomes infinite beyond 1: genomes that go up fail, those that go down do not."""

    def step(state, action):
        (x,) = state
        x += np.float32(0.5) if action == 1 else np.float32(-0.5)
        bad = np.float32(1.0) / (np.float32(0.0) if x > np.float32(1.0) else np.float32(1.0))
        return (bad if what == "state" else x,), bad if what == "reward" else x, False

    env = walk(np.float32(0.0), step=step)
    node = one_node(1, outputs=2, bias=(1.0, 0.0)), one_node(1, outputs=2, bias=(0.0, 1.0))
    evaluation = NativeTask(env, episodes=2).evaluate(networks_of(list(node) * count, 1, 2), (1, 1))
    assert evaluation.failed.tolist() == [True, False] * count
    assert np.isnan(evaluation.fitness[0]) and evaluation.steps[1] == 14


def test_task_is_the_mean_of_fresh_episodes():
    task = NativeTask(replace(CARTPOLE, max_steps=30), episodes=4, validation_episodes=9)
    networks = networks_of([one_node(4, weight=1.0), one_node(4, weight=-1.0)], 4, 1)
    first = task.evaluate(networks, (1, 0))
    played = rollout(task.env, networks, starting_states(task.env, (1, 0), 200, 4))
    np.testing.assert_array_equal(first.fitness, played.returns.mean(axis=1))
    np.testing.assert_array_equal(first.steps, played.steps.sum(axis=1))
    assert not np.array_equal(task.validate(networks, (1, 0)).fitness, first.fitness)
    assert (task.num_inputs, task.num_outputs, task.target, task.maximize, task.episodes_change) == (
        4,
        1,
        475,
        True,
        True,
    )
    with pytest.raises(ValueError, match="episodes"):
        NativeTask(CARTPOLE, episodes=0)


def test_the_documented_example_evolves():
    """The example of the module's docstring, as a user would paste it."""
    text = textwrap.dedent(native.__doc__.split("::\n\n", 1)[1].split("The state may", 1)[0])
    assert 10 <= len([line for line in text.splitlines() if line.strip()]) <= 30
    scope = {}
    exec(text.replace("evolve(PUCK)", "evolve(PUCK, quiet=True, generations=40)"), scope)
    assert scope["result"].solved
    env = NativeGymEnv(scope["PUCK"])
    observation, _ = env.reset(options={"state": (0.5, -0.5)})
    _, reward, over, _, _ = env.step(1)
    assert observation.tolist() == [0.5, -0.5] and abs(reward - 0.5225) < 1e-6 and not over
