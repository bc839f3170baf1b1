"""Mutation of values, functions and structure."""

import numpy as np
import pytest

from genomes.functions import activation_code, aggregation_code
from neat.breeding import breed
from neat.params import PRESETS
from neat.reproduction import CLONE
from tests.breeding_cases import CONTINUOUS, STILL, changed, contrary_population, matings, varied_population


def mutate(population, innovations, generation=0, seed=5, **values):
    params = changed(STILL, **values)
    children = breed(population, matings(CLONE, np.arange(len(population))), params, innovations, seed, generation)
    children.check(feed_forward=params.mode == "feedforward")
    return children


@pytest.fixture(scope="module")
def case():
    return varied_population(count=400)


@pytest.mark.parametrize("kind", ["weight", "bias"])
@pytest.mark.parametrize("shape", ["gaussian", "uniform"])
def test_perturbation_and_replacement(case, kind, shape):
    population, innovations = case
    scale = {"weight_replacement_scale": 3.0} if kind == "weight" else {"bias_scale": 3.0}
    rates = {"mutation": 1.0, "perturb": 0.6, "replace": 0.3, "perturbation": shape, "init": shape, "power": 1e-3}
    children = mutate(population, innovations, **{f"{kind}_{k}": v for k, v in rates.items()}, **scale)
    before, after = getattr(population, kind), getattr(children, kind)
    if kind == "bias":
        is_input = population.node_id < 3
        assert (after[is_input] == 0).all()
        before, after = before[~is_input], after[~is_input]
    else:
        assert np.array_equal(population.bias, children.bias)
    step = after - before
    near = np.abs(step) < 6e-3
    assert abs((step == 0).mean() - 0.1) < 0.03
    assert abs((~near).mean() - 0.3) < 0.03
    deviation = 1.0 if shape == "gaussian" else 3**-0.5
    assert abs(step[near & (step != 0)].std() / 1e-3 - deviation) < 0.05
    assert abs(after[~near].std() / 3.0 - deviation) < 0.05


def test_bounds_and_the_share_of_genomes(case):
    population, innovations = case
    children = mutate(population, innovations, weight_mutation=0.3, weight_min=-0.5, weight_max=0.25)
    touched = [not np.array_equal(a.weight, b.weight) for a, b in zip(population, children, strict=True)]
    assert 0.2 < np.mean(touched) < 0.4
    for genome, was_touched in zip(children, touched, strict=True):
        assert not was_touched or (genome.weight.min() >= -0.5 and genome.weight.max() <= 0.25)


def test_time_constants_are_perturbed_replaced_and_bounded():
    still = changed(CONTINUOUS, time_constant_perturb=0.0, time_constant_replace=0.0)
    population, innovations = varied_population(count=400, params=still)
    rates = {"mode": "ctrnn", "time_constant_perturb": 0.6, "time_constant_replace": 0.3}
    values = {"time_constant_power": 1e-3, "time_constant_mean": 50.0, "time_constant_scale": 2.0}
    children = mutate(population, innovations, **rates, **values, time_constant_max=100.0)
    is_input = population.node_id < 3
    before, after = population.time_constant[~is_input], children.time_constant[~is_input]
    assert (children.time_constant[is_input] == 0).all()
    step = after - before
    near, new = np.abs(step) < 6e-3, after > 20.0
    assert abs((step == 0).mean() - 0.1) < 0.03 and abs(new.mean() - 0.3) < 0.03 and (near | new).all()
    assert abs(step[near & (step != 0)].std() / 1e-3 - 1.0) < 0.05
    assert abs(after[new].mean() - 50.0) < 0.3 and abs(after[new].std() / 2.0 - 1.0) < 0.05
    bounded = mutate(population, innovations, **rates, **values, time_constant_min=45.0, time_constant_max=51.0)
    moved = bounded.time_constant[~is_input] != before
    assert bounded.time_constant[~is_input][moved].min() == 45.0 and bounded.time_constant.max() == 51.0


def test_a_new_node_has_a_new_time_constant():
    population, innovations = varied_population(count=400, generations=0, params=CONTINUOUS)
    children = mutate(population, innovations, mode="ctrnn", add_node=1.0, time_constant_perturb=0.0,
                      time_constant_replace=0.0, time_constant_mean=3.0, time_constant_scale=0.25)  # fmt: skip
    new = np.array([child.time_constant[-1] for child in children])
    assert abs(new.mean() - 3.0) < 0.05 and abs(new.std() - 0.25) < 0.03
    for parent, child in zip(population, children, strict=True):
        np.testing.assert_array_equal(child.time_constant[:-1], parent.time_constant)


def test_severe_or_mild():
    population, innovations = contrary_population(count=2000)  # 30 connections each
    power = {"weight_power": 1e-4, "weight_replacement_scale": 1e6, "weight_min": -1e9, "weight_max": 1e9}
    rule = {"weight_mutation": 1.0, "weight_mutation_rule": "severe-or-mild", "weight_perturb": 0.7}
    children = mutate(population, innovations, **power, **rule, weight_replace=0.2)
    step = np.abs(children.weight - population.weight).reshape(2000, 30)
    replaced, still = step > 1.0, step == 0.0
    mild = ~(replaced | still)[:, :25].any(axis=1)
    assert 0.45 < mild.mean() < 0.55
    assert abs(replaced[~mild].mean() - 0.2) < 0.02
    assert abs(still[~mild].mean() - 0.1) < 0.02
    # The youngest fifth: those after position 0.8 x 30
    assert abs(replaced[mild, 25:].mean() - 0.2) < 0.03
    assert abs(still[mild, 25:].mean() - 0.3) < 0.03


def test_functions_are_drawn_from_the_options(case):
    population, innovations = case
    options = {activation_code(name) for name in ("tanh", "sin", "relu")}
    children = mutate(population, innovations, activation_mutation=1.0, aggregation_mutation=1.0)
    inputs, outputs = children.node_id < 3, (children.node_id >= 3) & (children.node_id < 5)
    assert set(children.activation[~inputs].tolist()) == options
    assert (children.activation[inputs] == 0).all()
    assert (children.aggregation == aggregation_code("sum")).all()
    fixed = mutate(population, innovations, activation_mutation=1.0, output_activation="sin")
    assert np.array_equal(fixed.activation[outputs], population.activation[outputs])
    assert not np.array_equal(fixed.activation, population.activation)


def test_toggle_and_reenable(case):
    population, innovations = case
    for before, after in zip(population, mutate(population, innovations, toggle_enabled=1.0), strict=True):
        assert (before.enabled != after.enabled).sum() == min(1, len(before.enabled))
    for before, after in zip(population, mutate(population, innovations, reenable=1.0), strict=True):
        expected = before.enabled.copy()
        expected[np.flatnonzero(~expected)[:1]] = True
        assert np.array_equal(after.enabled, expected)


def test_a_split_disables_a_link_and_takes_its_place(case):
    population, innovations = case
    children = mutate(population, innovations, add_node=1.0)
    for before, after in zip(population, children, strict=True):
        if not before.enabled.any():
            assert after.equals(before)
            continue
        (new,) = set(after.node_id) - set(before.node_id)
        (split,) = np.flatnonzero(before.enabled & ~after.enabled[np.isin(after.innovation, before.innovation)])
        (ingoing,) = np.flatnonzero(after.target == new)
        (outgoing,) = np.flatnonzero(after.source == new)
        assert (after.source[ingoing], after.target[outgoing]) == (before.source[split], before.target[split])
        assert (after.weight[ingoing], after.weight[outgoing]) == (1.0, before.weight[split])
        assert after.enabled[ingoing] and after.enabled[outgoing]
        assert after.bias[after.node_id == new] == 0
        assert len(after.innovation) == len(before.innovation) + 2


def test_the_same_split_is_the_same_node_and_a_second_one_another(case):
    _, innovations = case
    population, innovations = varied_population(count=300, generations=0)
    once = mutate(population, innovations, add_node=1.0)
    assert len(set(once.node_id.tolist())) == 5 + 6  # one node for each of the six links
    everything = once.select(np.zeros(300, int))
    everything.enabled[:] = True
    twice = mutate(everything, innovations, add_node=1.0, generation=1)
    link = once.genome(0).innovation[~once.genome(0).enabled][0]
    again = [g for g in twice if not g.enabled[g.innovation == link][0]]
    new = {int(n) for g in again for n in g.node_id} - set(once.genome(0).node_id.tolist())
    assert len(again) > 10
    assert len(new) == 1
    assert not new & set(once.node_id.tolist())


def test_a_constant_input_is_not_split():
    population, innovations = varied_population(generations=0, params=PRESETS["neat-2002"])
    for genome in mutate(population, innovations, add_node=1.0):
        assert genome.enabled[genome.source == 3].all()
        assert (genome.bias == 0).all()


@pytest.mark.parametrize("mode", ["feedforward", "synchronous"])
def test_added_links_are_new_and_reach_every_free_place(mode):
    population, innovations = varied_population(count=500, generations=0, topology="unconnected")
    pairs = set()
    for generation in range(12):
        children = mutate(population, innovations, generation, add_connection=1.0, mode=mode)
        added = np.diff(children.conn_start) - np.diff(population.conn_start)
        assert set(added.tolist()) <= {0, 1}
        population = children
        pairs |= set(zip(population.source.tolist(), population.target.tolist(), strict=True))
    ends = [(a, b) for a in range(3 if mode == "feedforward" else 5) for b in (3, 4)]
    assert pairs == set(ends)
    assert max(np.diff(population.conn_start)) == len(ends)


def test_deletions_and_what_they_leave_dangling(case):
    population, innovations = case
    for before, after in zip(population, mutate(population, innovations, delete_connection=1.0), strict=True):
        gone = set(before.innovation) - set(after.innovation)
        assert bool(gone) == bool(len(before.innovation))
        hidden = after.node_id[5:]
        assert set(hidden) <= set(after.source) & set(after.target)
    for before, after in zip(
        population, mutate(population, innovations, delete_node=1.0, prune_dangling=False), strict=True
    ):
        gone = set(before.node_id) - set(after.node_id)
        assert len(gone) == min(1, before.num_hidden)
        touching = np.isin(before.source, list(gone)) | np.isin(before.target, list(gone))
        assert np.array_equal(after.innovation, before.innovation[~touching])


def test_a_link_that_returns_has_its_old_number():
    population, innovations = varied_population(count=200, generations=0)
    without = mutate(population, innovations, delete_connection=1.0)
    back = mutate(without, innovations, 1, add_connection=1.0, add_connection_tries=500)
    assert np.array_equal(back.innovation, population.innovation)
    assert np.array_equal(back.target, population.target)
    assert len(innovations) == 6


def test_exclusive_mutation(case):
    population, innovations = case
    rates = {"weight_mutation": 1.0, "weight_perturb": 1.0, "weight_replace": 0.0, "bias_mutation": 1.0}
    children = mutate(population, innovations, add_node=0.5, add_connection=1.0, exclusive_mutation=True, **rates)
    nodes_added = np.diff(children.node_start) - np.diff(population.node_start)
    for before, after, added in zip(population, children, nodes_added, strict=True):
        kept = np.isin(after.innovation, before.innovation)
        assert np.array_equal(after.weight[kept], before.weight)
        assert len(after.innovation) - len(before.innovation) == 2 if added else True
    assert 0.4 < nodes_added.mean() < 0.6
