"""Gymnasium's spaces as inputs and outputs."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.gym.spaces import SpaceError, action_map, observation_map

leaf = st.one_of(
    st.builds(lambda n, s: spaces.Discrete(n, start=s), st.integers(1, 5), st.integers(-3, 3)),
    st.builds(lambda n, s: spaces.MultiDiscrete(n, start=[s] * len(n)), st.lists(st.integers(1, 4), min_size=1,
              max_size=3), st.integers(-2, 2)),
    st.builds(spaces.MultiBinary, st.integers(1, 4)),
    st.builds(lambda shape: spaces.Box(-2.0, 3.0, shape), st.lists(st.integers(1, 3), max_size=2)),
    st.just(spaces.Box(0, 255, (2, 2), np.uint8)),
    st.just(spaces.Box(-np.inf, np.inf, (3,), np.float64)),
)  # fmt: skip
anything = st.recursive(
    leaf,
    lambda part: st.one_of(
        st.builds(lambda parts: spaces.Tuple(parts), st.lists(part, min_size=1, max_size=3)),
        st.builds(
            lambda parts: spaces.Dict({f"k{9 - i}": p for i, p in enumerate(parts)}),
            st.lists(part, min_size=1, max_size=3),
        ),
    ),
    max_leaves=4,
)


@given(anything, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_observations_are_flattened_as_gymnasium_flattens_them(space, seed):
    space.seed(seed)
    seen = observation_map(space)
    for _ in range(3):
        observation = space.sample()
        row = seen(observation)
        assert row.dtype == np.float32 and row.shape == (seen.size,) == seen.low.shape
        np.testing.assert_allclose(row, spaces.flatten(space, observation).astype(np.float32))
        assert (seen.low <= row).all() and (row <= seen.high).all()


@given(anything, st.sampled_from(["clip", "tanh", "raw"]), st.sampled_from(["sign", "argmax"]), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_action_is_in_its_space(space, box, discrete, seed):
    choose = action_map(space, box, discrete)
    outputs = np.random.default_rng(seed).normal(0, 3, (4, choose.size)).astype(np.float32)
    actions = choose(outputs)
    assert len(actions) == 4
    for k, action in enumerate(actions):
        assert space.contains(action), (space, action)
        alone = choose(outputs[k : k + 1])[0]  # a lane's action depends on no other lane
        np.testing.assert_equal(alone, action)


def test_discrete_actions():
    two, four = action_map(spaces.Discrete(2, start=-1)), action_map(spaces.Discrete(4))
    assert two.size == 1 and two(np.array([[0.0], [1e-9], [-1.0]], np.float32)) == [-1, 0, -1]
    both = action_map(spaces.MultiDiscrete([2, 3]), discrete="argmax")
    assert both.size == 5 and "largest of 2 outputs" in both.meaning
    np.testing.assert_array_equal(both(np.array([[1, 2, 0, 0, 1], [3, 3, 9, 8, 7]], np.float32)), [[1, 2], [0, 0]])
    with pytest.raises(ValueError, match="discrete must be one of sign, argmax"):
        action_map(spaces.Discrete(2), discrete="two")
    assert four.size == 4 and four(np.array([[0, 2, 2, 1], [3, 3, 3, 3]], np.float32)) == [1, 0]


def test_box_actions():
    space = spaces.Box(np.array([-1, 0, -np.inf, 5], np.float32), np.array([3, 10, np.inf, np.inf], np.float32))
    outputs = np.array([[0.5, -4.0, 7.0, 2.0]], np.float32)
    np.testing.assert_allclose(action_map(space)(outputs)[0], [2, 0, 7, 5])
    np.testing.assert_allclose(action_map(space, "raw")(outputs)[0], [0.5, 0, 7, 5])
    squashed = action_map(space, "tanh")(outputs)[0]
    alone = action_map(spaces.Box(-2, 2, ()))(outputs[:, :1])[0]
    assert isinstance(alone, np.ndarray) and alone.shape == () and alone == 1
    np.testing.assert_allclose(squashed, [1 + 2 * np.tanh(0.5), 5 + 5 * np.tanh(-4.0), 7, 5], rtol=1e-6, atol=1e-6)


def test_an_empty_part_of_an_action():
    space = spaces.Tuple([spaces.Box(-1, 1, (0,)), spaces.Discrete(3)])
    nothing, chosen = action_map(space)(np.array([[0, 2, 1]], np.float32))[0]
    assert nothing.shape == (0,) and chosen == 1


def test_entries_without_numbers_are_left_out_and_named():
    space = spaces.Dict({"image": spaces.Box(0, 1, (2,)), "mission": spaces.Text(5), "list": spaces.Tuple(
        [spaces.Sequence(spaces.Discrete(2)), spaces.Discrete(3)])})  # fmt: skip
    seen = observation_map(space)
    assert seen.size == 5 and len(seen.omitted) == 2
    assert any("['mission'] (Text)" in text for text in seen.omitted)
    assert any("['list'][0] (Sequence" in text for text in seen.omitted)


def test_spaces_that_cannot_be_mapped_say_why():
    with pytest.raises(SpaceError, match="nothing .*Text"):
        observation_map(spaces.Text(3))
    with pytest.raises(SpaceError, match="100,800 numbers"):
        observation_map(spaces.Box(0, 255, (210, 160, 3), np.uint8))
    for space, why in (
        (spaces.Text(3), "is Text"),
        (spaces.Tuple([spaces.Discrete(2), spaces.Sequence(spaces.Discrete(2))]), r"space\[1\] is a Sequence"),
        (spaces.Dict({"a": spaces.Graph(spaces.Discrete(2), None)}), r"\['a'\] is a Graph"),
        (spaces.OneOf([spaces.Discrete(2)]), "is a OneOf"),
        (spaces.Box(-1, 1, (0,)), "is empty: there is nothing to choose"),
    ):
        with pytest.raises(SpaceError, match=why):
            action_map(space)
    with pytest.raises(ValueError, match="box"):
        action_map(spaces.Discrete(2), "sigmoid")


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Blackjack-v1", "CliffWalking-v1"])
def test_real_environments(env_id):
    env = gymnasium.make(env_id)
    seen, choose = observation_map(env.observation_space), action_map(env.action_space)
    observation, _ = env.reset(seed=1)
    assert not seen.omitted
    action = choose(np.zeros((1, choose.size), np.float32))[0]
    env.step(action)
    assert np.isfinite(seen(observation)).all()
