"""The supervised task: batches, parsimony, and learning in the loop."""

import dataclasses
import random

import numpy as np
import pytest

from envs.supervised import BATCH, Rows, SupervisedTask, draw_batches, gradients, measure
from envs.task import Task
from experiments.refine import fit_least_squares, refine
from genomes.evaluation import Evaluation
from genomes.forward import forward
from genomes.networks import MODES, compile_population, write_back
from genomes.rng import random_bits
from neat.algorithm import NEAT
from neat.params import NEATParams
from tests import reference
from tests import supervised_cases as cases

KEY = (5, 3)


def numbers(rows=60, outputs=2):
    X, y, _ = cases.data(rows, outputs, 0)
    return Rows(X, y)


def classes(rows=60, count=2):
    X, y, _ = cases.data(rows, 1, count)
    return Rows(X, y)


def test_it_is_a_task():
    task = SupervisedTask(classes(), classes(30), "cross-entropy", "accuracy", 0.9, num_classes=2)
    assert isinstance(task, Task)
    assert (task.num_inputs, task.num_outputs, task.target) == (3, 1, 0.9)
    assert not task.maximize and task.maximize_score and not task.episodes_change
    networks = cases.networks(5, num_outputs=1)
    np.testing.assert_array_equal(
        task.evaluate(networks, KEY).fitness, measure(networks, task.train, "cross-entropy", 2)
    )
    checked = task.validate(networks, KEY)
    np.testing.assert_array_equal(checked.fitness, measure(networks, task.validation, "accuracy", 2))
    assert (checked.steps == 30).all()
    assert SupervisedTask(classes(count=4), classes(count=4), "hinge", num_classes=4).num_outputs == 4
    assert SupervisedTask(numbers(), numbers()).num_outputs == 2


def test_parsimony_charges_each_connection():
    networks = cases.networks(5)
    edges = np.diff(networks.edge_start[networks.node_start])
    plain, frugal = (SupervisedTask(numbers(), numbers(), parsimony=p).evaluate(networks, KEY) for p in (0.0, 0.1))
    np.testing.assert_allclose(frugal.fitness, plain.fitness + 0.1 * edges)
    up = [SupervisedTask(classes(), classes(), "accuracy", num_classes=2, parsimony=p) for p in (0.0, 0.1)]
    networks = cases.networks(5, num_outputs=1)
    edges = np.diff(networks.edge_start[networks.node_start])
    plain, frugal = (task.evaluate(networks, KEY).fitness for task in up)
    np.testing.assert_allclose(frugal, plain - 0.1 * edges)


def test_batches_are_drawn_by_the_key():
    """Each number from its own random words, whatever the batch around it."""
    index = draw_batches(1000, 7, KEY, step=2, count=3)
    for p in range(3):
        for j in range(7):
            with np.errstate(over="ignore"):
                word = random_bits(np.uint64(5), np.uint32(3), np.uint32(BATCH), np.uint32(p), 2 * 2 + j // 4)[j % 4]
            assert index[p, j] == (int(word) * 1000) >> 32
    np.testing.assert_array_equal(draw_batches(1000, 7, KEY, 2, 3), index)
    for other in (
        draw_batches(1000, 7, (5, 4), 2, 3),
        draw_batches(1000, 7, (6, 3), 2, 3),
        draw_batches(1000, 7, KEY, 1, 3),
    ):
        assert (other != index).any()
    counts = np.bincount(draw_batches(10, 100_000, KEY)[0], minlength=10)
    assert len(counts) == 10 and abs(counts - 10_000).max() < 500


@pytest.mark.parametrize("own", [False, True])
def test_mini_batches(own):
    networks, train = cases.networks(6), numbers(500)
    task = SupervisedTask(train, numbers(), batch=150, own_batches=own)
    assert task.episodes_change
    index = draw_batches(500, 150, KEY, 0, 6 if own else 1)
    found = task.evaluate(networks, KEY)
    assert (found.steps == 150).all()
    for p in range(6):
        batch = train.select(index[p if own else 0])
        np.testing.assert_allclose(found.fitness[p], measure(networks.part(p, p + 1), batch, "mse")[0], rtol=1e-6)
        a, b = networks.node_start[p], networks.node_start[p + 1]
        _, right = gradients(networks.part(p, p + 1), batch, "mse")
        _, bias = task.gradients(networks, KEY)
        np.testing.assert_allclose(bias[a:b], right, rtol=1e-4, atol=1e-5 * abs(right).max())
    assert (task.evaluate(networks, (5, 4)).fitness != found.fitness).any()
    assert (task.gradients(networks, KEY, 1)[1] != task.gradients(networks, KEY)[1]).any()


def test_a_batch_of_all_rows_is_no_batch():
    task = SupervisedTask(numbers(50), numbers(), batch=50)
    assert not task.episodes_change and (task.evaluate(cases.networks(2), KEY).steps == 50).all()


def test_errors():
    with pytest.raises(ValueError, match="cross-entropy is for classes"):
        SupervisedTask(numbers(), numbers(), "cross-entropy")
    with pytest.raises(ValueError, match="num_classes is 3, the targets are numbers"):
        SupervisedTask(numbers(), numbers(), num_classes=3)
    with pytest.raises(ValueError, match="unknown loss or score 'acuracy'; did you mean accuracy"):
        SupervisedTask(classes(), classes(), "cross-entropy", "acuracy", num_classes=2)
    with pytest.raises(ValueError, match="batch and parsimony must be at least 0"):
        SupervisedTask(numbers(), numbers(), batch=-1)


@pytest.mark.parametrize("method, rate", [("adam", 0.02), ("sgd", 0.02)])
def test_refining_lowers_the_loss(method, rate):
    networks, task = cases.networks(20, activations=(2,), aggregations=(0,)), SupervisedTask(numbers(200), numbers())
    weight = networks.weight.copy()
    learnt = refine(networks, task, KEY, 15, rate, method)
    np.testing.assert_array_equal(networks.weight, weight)
    assert (task.evaluate(learnt, KEY).fitness < task.evaluate(networks, KEY).fitness).mean() > 0.9
    again = refine(networks, task, KEY, 15, rate, method)
    np.testing.assert_array_equal(again.weight, learnt.weight)
    np.testing.assert_array_equal(again.bias, learnt.bias)


def test_weights_decay_apart_from_the_gradient():
    networks, task = cases.networks(5, activations=(0,), aggregations=(0,)), SupervisedTask(numbers(), numbers())
    plain, decayed = (refine(networks, task, KEY, 1, 0.1, "sgd", weight_decay=d) for d in (0.0, 0.5))
    np.testing.assert_allclose(plain.weight - decayed.weight, 0.05 * networks.weight, atol=1e-5)
    np.testing.assert_array_equal(plain.bias, decayed.bias)
    with pytest.raises(ValueError, match="weight_decay"):
        refine(networks, task, KEY, 1, weight_decay=-1.0)


def test_refining_keeps_to_its_limits():
    networks = cases.networks(8, activations=(0,), aggregations=(0,))
    task = SupervisedTask(numbers(), numbers())
    learnt = refine(networks, task, KEY, 5, 10.0, "sgd", limit=1.5)
    assert np.abs(learnt.weight).max() <= 1.5 and np.abs(learnt.bias).max() <= 1.5
    broken = dataclasses.replace(networks, bias=networks.bias.copy())
    broken.bias[networks.node_start[3]] = np.nan
    learnt, alone = refine(broken, task, KEY, 2), refine(networks, task, KEY, 2)
    a, b = (networks.edge_start[networks.node_start[p]] for p in (3, 4))
    np.testing.assert_array_equal(learnt.weight[:a], alone.weight[:a])
    np.testing.assert_array_equal(learnt.weight[b:], alone.weight[b:])
    assert np.isfinite(learnt.weight).all()
    with_input = cases.networks(3, bias_input=1.0)
    task = SupervisedTask(Rows(numbers().X[:, :2].copy(), numbers().y), numbers())
    np.testing.assert_array_equal(refine(with_input, task, KEY, 2).bias, with_input.bias)
    with pytest.raises(ValueError, match="method must be one of adam, sgd"):
        refine(networks, task, KEY, method="adm")


@pytest.mark.parametrize("bias_input", [None, 1.0])
def test_least_squares_find_what_made_the_data(bias_input):
    """Targets from the network itself: from weights nearby, the error falls to nothing."""
    network = cases.networks(1, 3, activations=(2,), aggregations=(0,), num_hidden=4, bias_input=bias_input)
    rng = np.random.default_rng(1)
    X = rng.standard_normal((300, network.task_inputs)).astype(np.float32)
    data = Rows(X, forward(network, X)[0])
    moved = network.weight + rng.normal(0, 0.1, len(network.weight)).astype(np.float32)
    start = dataclasses.replace(network, weight=moved)
    learnt = fit_least_squares(start, data, 30)
    assert measure(learnt, data, "mse")[0] < 1e-4 * measure(start, data, "mse")[0]
    if bias_input is not None:
        np.testing.assert_array_equal(learnt.bias, network.bias)
    with pytest.raises(ValueError, match="least squares are for numbers"):
        fit_least_squares(start, classes())


@pytest.mark.parametrize("mode", MODES)
def test_writing_back(mode):
    population = reference.random_population(random.Random(4), 30, num_hidden=9, **reference.dynamics(mode))
    plain, networks = compile_population(population, mode), compile_population(population, mode, genes=True)
    for name in ("weight", "bias", "source", "edge_start", "output_slot"):
        np.testing.assert_array_equal(getattr(networks, name), getattr(plain, name))
    same = write_back(population, networks)
    assert all(own.equals(other) for own, other in zip(same, population, strict=True))
    moved = dataclasses.replace(networks, weight=networks.weight + 1, bias=-networks.bias)
    learnt = write_back(population, moved)
    again = compile_population(learnt, mode)
    np.testing.assert_array_equal(again.weight, moved.weight)
    np.testing.assert_array_equal(again.bias, moved.bias)
    assert (learnt.weight[~population.enabled] == population.weight[~population.enabled]).all()
    with pytest.raises(ValueError, match="genes=True"):
        write_back(population, plain)
    with pytest.raises(ValueError, match="30 genomes, but 2 networks"):
        write_back(population, networks.part(0, 2))


def test_lamarckian_offspring_inherit_what_was_learnt():
    """With mutation off, offspring have the learnt weights; without them, those of before."""
    params = NEATParams(population=20, weight_mutation=0.0, bias_mutation=0.0, weight_scale=1.0)
    for inherit in (True, False):
        algorithm = NEAT(params, 3, 1)
        population = algorithm.ask()
        learnt = dataclasses.replace(population, weight=np.full_like(population.weight, 7.0))
        algorithm.tell(Evaluation.of(np.arange(20.0)), learnt if inherit else None)
        offspring = algorithm.ask()
        matching = np.isin(offspring.innovation, population.innovation)
        assert (offspring.weight[matching] == 7.0).all() == inherit


def test_other_genomes_cannot_be_bred_from():
    algorithm = NEAT(NEATParams(population=20), 3, 1)
    population = algorithm.ask()
    with pytest.raises(ValueError, match="they differ in node_start"):
        algorithm.tell(Evaluation.of(np.arange(20.0)), population.select(np.arange(19)))
