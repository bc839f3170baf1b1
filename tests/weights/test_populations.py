"""Annealing, swarm, genetic algorithm, CoSyNE, supermask: their rules, one by one."""

import numpy as np
import pytest

from neat.weights import CoSyNE, GeneticAlgorithm, ParticleSwarm, SimulatedAnnealing, Supermask, noise
from neat.weights.annealing import AnnealingParams
from neat.weights.cosyne import CoSyNEParams
from neat.weights.genetic import GeneticParams, tournament
from neat.weights.supermask import SupermaskParams
from neat.weights.swarm import SwarmParams


def sphere(points):
    return -(np.asarray(points, float) ** 2).sum(axis=1)


def run(method, generations, function=sphere):
    for _ in range(generations):
        method.tell(function(method.ask()))
    return method


# --- annealing


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("exponential", [1, 0.1, 0.01, 0.01]),
        ("linear", [1, 0.505, 0.01, 0.01]),
        ("boltzmann", [1, 1 / np.log(np.e + 50), 1 / np.log(np.e + 100), 1 / np.log(np.e + 200)]),
        ("cauchy", [1, 1 / 51, 1 / 101, 1 / 201]),
    ],
)
def test_cooling(schedule, expected):
    method = SimulatedAnnealing([0.0], AnnealingParams(schedule=schedule, steps=100, final_ratio=0.01))
    assert np.allclose(method.cooling(np.array([0, 50, 100, 200])), expected)


def test_metropolis_frequency():
    """A change of -1 at temperature 2 is accepted with probability exp(-1/2)."""
    params = AnnealingParams(chains=4000, temperature=2.0, schedule="boltzmann")
    method = SimulatedAnnealing([0.0], params)
    method.ask()
    method.tell(np.full(4000, 5.0))
    before = method.state.point.copy()
    candidates = method.ask()
    method.tell(np.full(4000, 4.0))
    moved = (method.state.point != before).any(axis=1)
    assert moved.mean() == pytest.approx(np.exp(-0.5), abs=0.03)
    assert np.allclose(method.state.point[moved], candidates[moved])
    assert (method.state.fitness == np.where(moved, 4.0, 5.0)).all()


def test_annealing_always_takes_improvements_and_never_failures():
    method = SimulatedAnnealing(np.ones(3), AnnealingParams(chains=2, temperature=1e9))
    method.ask()
    method.tell([0.0, 0.0])
    points = method.ask()
    method.tell([1.0, np.nan])
    assert np.allclose(method.state.point[0], points[0])
    assert not np.allclose(method.state.point[1], points[1])
    method.ask()
    method.tell([np.nan, np.nan])  # a generation may fail entirely once there are points


def test_annealing_finds_its_temperature_and_restarts():
    method = SimulatedAnnealing([0.0], AnnealingParams(chains=2, restart_after=3))
    method.ask()
    method.tell([10.0, 10.0])
    method.ask()
    method.tell([14.0, 8.0])
    assert method.state.temperature == 3.0
    for _ in range(3):
        method.ask()
        method.tell([9.0, 9.0])
    assert method.state.fitness[0] == 14.0 and method.state.clock[0] == 0
    assert np.array_equal(method.state.point[0], method.state.record[0])


def test_annealing_reaches():
    assert run(SimulatedAnnealing(np.ones(5), AnnealingParams(steps=800)), 1000).best_fitness > -1e-4


# --- swarm


def test_swarm_by_hand():
    method = ParticleSwarm([1.0, 2.0], SwarmParams(particles=3), dtype=np.float64)
    x0 = method.ask()
    method.tell([0.0, 2.0, 1.0])
    rows = noise.uniforms((1, 0), noise.CHANCES, range(6), 2, np.float64)
    v1 = 1.494 * rows[1::2] * (x0[1] - x0)
    x1 = x0 + v1
    assert np.allclose(method.ask(), x1)
    method.tell([5.0, 0.0, np.nan])
    rows = noise.uniforms((1, 1), noise.CHANCES, range(6), 2, np.float64)
    record = np.stack([x1[0], x0[1], x0[2]])
    v2 = 0.729 * v1 + 1.494 * rows[0::2] * (record - x1) + 1.494 * rows[1::2] * (x1[0] - x1)
    assert np.allclose(method.ask(), x1 + v2)


def test_neighbourhoods():
    ring = ParticleSwarm([0.0], SwarmParams(particles=5, neighbourhood="ring"))
    ring.state.record_fitness = np.array([9.0, 1.0, 2.0, 3.0, 0.0])
    assert ring.leaders().tolist() == [0, 0, 3, 3, 0]
    everybody = ParticleSwarm([0.0], SwarmParams(particles=5))
    everybody.state.record_fitness = ring.state.record_fitness
    assert everybody.leaders().tolist() == [0] * 5


def test_particles_stop_at_bounds():
    method = ParticleSwarm([0.5, 0.5], SwarmParams(particles=30, inertia=1.5), bounds=(0, 1))
    run(method, 20, lambda points: points.sum(axis=1))
    stopped = method.state.position == 1
    assert stopped.any() and (method.state.velocity[stopped] == 0).all()


@pytest.mark.parametrize("neighbourhood", ["global", "ring"])
def test_swarm_reaches(neighbourhood):
    params = SwarmParams(neighbourhood=neighbourhood)
    assert run(ParticleSwarm(np.full(5, 2.0), params), 200).best_fitness > -1e-6


# --- genetic algorithm


def test_tournaments_prefer_the_fit_and_avoid_failures():
    fitness = np.array([0.0, 1.0, 2.0, -np.inf])
    winners = np.concatenate([tournament(fitness, 2, (1, g), 0) for g in range(500)])
    shares = np.bincount(winners, minlength=4) / len(winners)
    assert shares[3] == 0
    # best of two: (2i + 1)/16 by rank i from the worst; two failures make way for the best
    assert np.allclose(shares[:3], [3 / 16, 5 / 16, 7 / 16 + 1 / 16], atol=0.03)


def test_real_and_binary_genes():
    binary = np.arange(6) % 2 == 1
    method = GeneticAlgorithm(np.zeros(6), GeneticParams(population=60), binary=binary, bounds=(-2, 2))
    for _ in range(40):
        points = method.ask()
        assert np.isin(points[:, binary], (0, 1)).all()
        method.tell(sphere(points[:, ~binary] - 0.7) + points[:, binary].sum(axis=1))
    assert method.solution[binary].tolist() == [1, 1, 1]
    assert np.allclose(method.solution[~binary], 0.7, atol=0.1)
    with pytest.raises(ValueError, match="binary has shape"):
        GeneticAlgorithm(np.zeros(3), binary=[True])


def test_blend_crossover_covers_its_interval():
    params = GeneticParams(population=2000, mutation=1e-12, crossover=1.0, tournament=1, elites=0)
    method = GeneticAlgorithm([0.0], params)
    method.state.members = np.repeat([[0.0], [1.0]], 1000, axis=0)
    method.ask()
    method.tell(np.zeros(2000))
    children = method.state.members[:, 0]
    mixed = children[(children != 0) & (children != 1)]
    assert len(mixed) == pytest.approx(1000, abs=100)
    assert mixed.min() == pytest.approx(-0.5, abs=0.02) and mixed.max() == pytest.approx(1.5, abs=0.02)
    assert mixed.mean() == pytest.approx(0.5, abs=0.06)


def test_elites_stay():
    method = GeneticAlgorithm(np.ones(4), GeneticParams(population=10, elites=2))
    points = method.ask()
    method.tell(np.arange(10.0))
    assert np.array_equal(method.ask()[:2], points[[9, 8]])


# --- CoSyNE


@pytest.mark.parametrize("everything", [True, False])
def test_cosyne_permutes_within_columns(everything):
    """No mutation: every weight of the next generation comes from the same column, most rows are new combinations."""
    params = CoSyNEParams(population=16, mutation=0.0, permute_all=everything)
    method = CoSyNE(np.zeros(5), params, dtype=np.float64)
    points = method.ask()
    method.tell(np.arange(16.0))
    after = method.ask()
    ranked = points[::-1]
    kept = ranked[:12]  # the best three quarters
    for column in range(5):
        assert np.isin(after[:, column], points[:, column]).all()
        remaining = list(after[:, column])
        for value in kept[:, column]:
            remaining.remove(value)  # each weight of a survivor is still there
        assert len(remaining) == 4 and np.isin(remaining, ranked[:4, column]).all()  # offspring of the best quarter
    stay = (after[:12] == kept).mean()
    assert stay < 0.3 if everything else stay > 0.4
    if not everything:
        assert np.array_equal(after[0], kept[0])  # the best keeps its weights together


def test_cosyne_reaches():
    params = CoSyNEParams(population=40)
    assert run(CoSyNE(np.full(4, 0.8), params), 150).best_fitness > -0.05


# --- supermask


def test_supermask_evolves_links_alone():
    weights = np.array([1.0, -2.0, 3.0, 0.5, -0.25, 4.0, 1.5, -1.0])
    wanted = np.array([1, 0, 1, 1, 0, 0, 1, 0], bool)
    method = Supermask(weights, SupermaskParams(population=30))
    for _ in range(30):
        points = method.ask()
        assert ((points == 0) | (points == weights.astype(np.float32))).all()
        method.tell(-np.abs(points - wanted * weights).sum(axis=1))
    assert np.array_equal(method.mask, wanted)
    assert method.best_fitness == 0


def test_supermask_density():
    method = Supermask(np.ones(1000), SupermaskParams(population=20, density=0.2))
    assert method.ask().mean() == pytest.approx(0.2, abs=0.02)
