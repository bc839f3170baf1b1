"""Combinatorial problems: the decoders against plain Python, the references against each other."""

import itertools

import numpy as np
import pytest

from envs.combinatorial import Knapsack, Scheduling, TravellingSalesman
from envs.combinatorial.knapsack import optimum
from envs.combinatorial.scheduling import RULES, dispatch, exact_tardiness, tardiness
from envs.combinatorial.tsp import exact_length, nearest_neighbour, tour_length
from genomes.forward import forward
from genomes.functions import activation_code
from genomes.initial import initial_population
from genomes.kernels.parallel import get_threads, set_threads
from genomes.networks import compile_population
from genomes.population import Genome, Population

PROBLEMS = [TravellingSalesman(12, 4, 6), Knapsack(9, 4, 6), Scheduling(8, 4, 6)]
EACH = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: type(problem).__name__)


def linear(weights):
    """A network that scores by a weighted sum."""
    inputs = len(weights)
    genome = Genome(
        inputs,
        1,
        np.arange(inputs + 1, dtype=np.int32),
        np.zeros(inputs + 1, np.float32),
        np.array([0] * inputs + [activation_code("identity")], np.uint8),
        np.zeros(inputs + 1, np.uint8),
        np.arange(inputs, dtype=np.int32),
        np.arange(inputs, dtype=np.int32),
        np.full(inputs, inputs, np.int32),
        np.array(weights, np.float32),
        np.ones(inputs, np.bool_),
    )
    return compile_population(Population.of([genome]))


def random_networks(problem, count=5, seed=1):
    tanh = [activation_code("tanh")]
    population = initial_population(
        count, problem.num_inputs, 1, topology="layers", layers=(4,), activations=tanh, weight_scale=2.0, seed=seed
    )
    return compile_population(population)


def scores(networks, rows):
    """Of candidates [n, I] by every network: [P, n]."""
    return forward(networks, np.array(rows, np.float32))[:, :, 0]


# --- the decoders, again in plain Python


def naive_tour(networks, places):
    xy = places.astype(float)
    count = len(xy)
    centre = xy.mean(axis=0)
    gap = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    tour, left = [0], list(range(1, count))
    while left:
        rows, where = [], []
        for c in left:
            detours = [gap[a, c] + gap[c, b] - gap[a, b] for a, b in zip(tour, tour[1:] + tour[:1], strict=True)]
            where.append(int(np.argmin(detours)))
            others = sum(gap[c, o] for o in left if o != c) / max(len(left) - 1, 1)
            near = min(gap[c, t] for t in tour)
            central = np.linalg.norm(xy[c] - centre)
            rows.append([count**0.5 * near, count**0.5 * min(detours), central, others, len(tour) / count])
        k = int(np.argmax(scores(networks, rows)[0]))
        tour.insert(where[k] + 1, left.pop(k))
    return tour


def naive_knapsack(networks, worth, weight, capacity):
    room, left, taken = capacity, list(range(len(worth))), set()
    while fitting := [k for k in left if weight[k] <= room]:
        ratio = (worth / weight).mean()
        rows = [
            [
                worth[k] / worth.mean(),
                weight[k] / weight.mean(),
                worth[k] / weight[k] / ratio,
                weight[k] / room,
                room / capacity,
            ]
            for k in fitting
        ]
        k = fitting[int(np.argmax(scores(networks, rows)[0]))]
        taken.add(k)
        left.remove(k)
        room -= weight[k]
    return taken


def naive_schedule(networks, duration, weight, due):
    now, left, order = 0.0, list(range(len(duration))), []
    spread, middle = (due.max() - due.min()) / duration.sum(), due.mean() / duration.sum()
    while left:
        mean, common = duration[left].mean(), weight[left].mean()
        rows = []
        for j in left:
            slack = (due[j] - duration[j] - now) / mean
            spare = max(slack, 0)
            rows.append(
                [
                    np.log(duration[j] / mean),
                    np.clip(slack, -10, 10),
                    min(spare, 10),
                    np.log(weight[j] / common * mean / duration[j]),
                    np.log(duration[j] / mean + spare),
                    len(left) / len(duration),
                    min(spare, 10) * spread,
                    min(spare, 10) * middle,
                ]
            )
        j = left.pop(int(np.argmax(scores(networks, rows)[0])))
        order.append(j)
        now += duration[j]
    return order


@pytest.mark.parametrize("seed", range(4))
def test_decoders_do_as_plain_python_does(seed):
    tsp, sack, jobs = PROBLEMS
    places = tsp.draw((seed, 1), 5, 3)
    networks = random_networks(tsp, 1, seed)
    tours, lengths = tsp.solve(networks, places)
    for k in range(3):
        naive = naive_tour(networks, places[k])
        assert lengths[0, k] == pytest.approx(tour_length(places[k], tours[0, k]), rel=1e-5)
        assert lengths[0, k] == pytest.approx(tour_length(places[k], np.array(naive)), rel=1e-5)
    sacks = sack.draw((seed, 1), 5, 3)
    networks = random_networks(sack, 1, seed)
    taken, totals = sack.solve(networks, sacks)
    for k in range(3):
        assert set(np.flatnonzero(taken[0, k])) == naive_knapsack(
            networks, sacks.worth[k], sacks.weight[k], sacks.capacity[k]
        )
        assert totals[0, k] == sacks.worth[k][taken[0, k]].sum()
        assert sacks.weight[k][taken[0, k]].sum() <= sacks.capacity[k]
    work = jobs.draw((seed, 1), 5, 3)
    networks = random_networks(jobs, 1, seed)
    order, total = jobs.solve(networks, work)
    assert np.allclose(total[0], tardiness(work, order[0]), rtol=1e-5)
    for k in range(3):
        assert order[0, k].tolist() == naive_schedule(networks, work.duration[k], work.weight[k], work.due[k])


# --- as tasks


@EACH
def test_pure_functions_of_networks_and_key(problem):
    networks = random_networks(problem)
    before = get_threads()
    try:
        set_threads(1)
        one = problem.evaluate(networks, (3, 4)).fitness
        set_threads(4)
        assert np.array_equal(problem.evaluate(networks, (3, 4)).fitness, one)
    finally:
        set_threads(before)
    assert not np.array_equal(problem.evaluate(networks, (3, 5)).fitness, one)
    assert not np.array_equal(problem.validate(networks, (3, 4)).fitness, one)
    alone = compile_population(
        initial_population(
            5, problem.num_inputs, 1, topology="layers", layers=(4,), activations=[activation_code("tanh")],
            weight_scale=2.0, seed=1,
        ).select(np.array([2]))
    )  # fmt: skip
    assert problem.evaluate(alone, (3, 4)).fitness[0] == one[2]


@EACH
def test_networks_that_do_not_fit(problem):
    with pytest.raises(ValueError, match="feeds . inputs and reads 1 output, the networks have 2 and 1"):
        problem.evaluate(linear([1.0, 1.0]), (1, 1))
    population = initial_population(2, problem.num_inputs, 1)
    with pytest.raises(ValueError, match="feed-forward"):
        problem.evaluate(compile_population(population, "synchronous"), (1, 1))
    with pytest.raises(ValueError, match="at least"):
        type(problem)(0)


@EACH
def test_scores_that_are_not_finite_still_give_a_solution(problem):
    networks = linear([np.inf] * problem.num_inputs)
    assert np.isfinite(problem.evaluate(networks, (1, 1)).fitness).all()


# --- references


def test_tours_against_the_exact_one():
    places = np.random.default_rng(1).random((6, 8, 2), np.float32)
    problem = TravellingSalesman(8)
    farthest = linear([1.0, 0, 0, 0, 0])  # the city farthest from the tour: farthest insertion
    _, lengths = problem.solve(farthest, places)
    for k in range(6):
        exact = exact_length(places[k])
        brute = min(tour_length(places[k], np.array((0, *rest))) for rest in itertools.permutations(range(1, 8)))
        assert exact == pytest.approx(brute)
        assert exact <= lengths[0, k] + 1e-5
        tour = nearest_neighbour(places[k])
        assert sorted(tour) == list(range(8))
        assert exact <= tour_length(places[k], tour) + 1e-9


def test_farthest_insertion_is_within_ten_percent_and_nearest_neighbour_is_not():
    problem = TravellingSalesman(50)
    places = problem.draw((1, 1), 7, 200)
    _, lengths = problem.solve(linear([1.0, 0, 0, 0, 0]), places)
    assert lengths.mean() < problem.target < np.mean([tour_length(p, nearest_neighbour(p)) for p in places])


def test_knapsack_optimum_is_that_of_all_subsets():
    sacks = Knapsack(8).draw((1, 1), 3, 5)
    for worth, weight, capacity in zip(sacks.worth, sacks.weight, sacks.capacity, strict=True):
        subsets = [np.array(chosen, bool) for chosen in itertools.product((0, 1), repeat=8)]
        best = max(worth[s].sum() for s in subsets if weight[s].sum() <= capacity)
        assert optimum(worth, weight, capacity) == best
    by_ratio = linear([0, 0, 1.0, 0, 0])
    assert 0.95 < Knapsack().validate(by_ratio, (1, 1)).fitness[0] <= 1


def test_dispatching_rules():
    problem = Scheduling(7)
    jobs = problem.draw((1, 1), 3, 20)
    exact = exact_tardiness(jobs)
    for rule in RULES:
        order = dispatch(rule, jobs)
        assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(7), (20, 1)))
        assert (tardiness(jobs, order) >= exact - 1e-9).all()
    assert np.array_equal(
        np.diff(np.take_along_axis(jobs.due, dispatch("EDD", jobs), axis=1), axis=1) >= 0, np.ones((20, 6))
    )
    order, _ = problem.solve(linear([0, 0, 0, 1.0, 0, 0, 0, 0]), jobs)  # weight by duration: WSPT
    ratio = np.take_along_axis(jobs.weight / jobs.duration, order[0], axis=1)
    assert (np.diff(ratio, axis=1) <= 1e-6).all()
    order, _ = problem.solve(linear([0, 0, -0.5, 1.0, 0, 0, 0, 0]), jobs)
    assert np.allclose(tardiness(jobs, order[0]), tardiness(jobs, dispatch("ATC", jobs)))
    order, _ = problem.solve(linear([1.0, 0, 0, 1.0, -1.0, 0, 0, 0]), jobs)
    assert np.allclose(tardiness(jobs, order[0]), tardiness(jobs, dispatch("WMDD", jobs)), rtol=0.05)  # ties differ
    large = Scheduling(30).draw((1, 1), 3, 200)
    totals = {rule: tardiness(large, dispatch(rule, large)).sum() for rule in RULES}
    assert min(totals, key=totals.get) in ("ATC", "WMDD")  # the two that weigh slack and weight
