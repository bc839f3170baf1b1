"""OpenAI-ES, SNES, CMA-ES and its separable form against formulas written out, the library, and what they reach."""

import math

import numpy as np
import pytest
from cmaes import CMA

from neat.weights import CMAES, SNES, OpenAIES, SepCMAES, noise
from neat.weights.cmaes import CMAESParams
from neat.weights.openai_es import ESParams
from neat.weights.sep_cmaes import SepCMAESParams
from neat.weights.snes import SNESParams, utilities

FITNESS = np.array([0.3, -1.0, 2.0, 0.1, np.nan, 0.5])


def run(method, function, generations):
    for _ in range(generations):
        points = method.ask()
        method.tell(function(points))
    return method


def sphere(points):
    return (points**2).sum(axis=1)


def rosenbrock(x):
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(axis=1)


def test_openai_es_by_hand():
    method = OpenAIES([1.0, -2.0, 0.5], ESParams(population=6, sigma=0.1, learning_rate=0.2), dtype=np.float64)
    theta = method.solution
    points = method.ask()
    eps = noise.normals(method.key, noise.NOISE, range(3), 3, np.float64)
    assert np.allclose(points[0::2], theta + 0.1 * eps)
    assert np.allclose(points[1::2], theta - 0.1 * eps)
    method.tell(FITNESS)
    rank = np.array([3, 1, 5, 2, 0, 4]) / 5 - 0.5  # the failed one is last
    gradient = sum(rank[i] * (eps[i // 2] if i % 2 == 0 else -eps[i // 2]) for i in range(6)) / (6 * 0.1)
    gradient -= 0.005 * theta
    assert np.allclose(method.solution, theta + 0.2 * gradient / (np.abs(gradient) + 1e-8))  # Adam's first step
    with pytest.raises(ValueError, match="population = 5: must be even"):
        ESParams(population=5)


def test_mirrored_pairs_share_their_rows():
    method = OpenAIES(np.zeros(4), ESParams(population=8))
    rows = method.subsets(0, 8, 1000, 50)
    assert rows.shape == (8, 50)
    assert rows.min() >= 0 and rows.max() < 1000
    assert np.array_equal(rows[0::2], rows[1::2])
    assert len({row.tobytes() for row in rows}) == 4
    assert np.array_equal(method.subsets(3, 6, 1000, 50), rows[3:6])
    run(method, sphere, 1)
    assert not np.array_equal(method.subsets(0, 8, 1000, 50), rows)


def test_snes_by_hand():
    method = SNES([1.0, -2.0], SNESParams(population=6, sigma=0.5), dtype=np.float64)
    points = method.ask()
    s = noise.normals(method.key, noise.NOISE, range(6), 2, np.float64)
    assert np.allclose(points, [1, -2] + 0.5 * s)
    method.tell(FITNESS)
    raw = [max(0, math.log(4) - math.log(k)) for k in range(1, 7)]
    u = [r / sum(raw) - 1 / 6 for r in raw]
    assert np.allclose(utilities(6), u)
    order = [2, 5, 0, 3, 1, 4]
    rate = (3 + math.log(2)) / (5 * math.sqrt(2))
    assert np.allclose(method.state.mean, [1, -2] + 0.5 * sum(u[k] * s[i] for k, i in enumerate(order)))
    growth = sum(u[k] * (s[i] ** 2 - 1) for k, i in enumerate(order))
    assert np.allclose(method.state.sigma, 0.5 * np.exp(rate / 2 * growth))


def snes_of_the_paper(function, mean, sigma, generations, rng):
    """Schaul, Glasmachers & Schmidhuber 2011, algorithm 1 with the settings of table 1; the least value it sees."""
    d = len(mean)
    count = 4 + math.floor(3 * math.log(d))
    raw = [max(0.0, math.log(count / 2 + 1) - math.log(rank)) for rank in range(1, count + 1)]
    utility = np.array(raw) / sum(raw) - 1 / count
    deviation, best = np.full(d, sigma), np.inf
    for _ in range(generations):
        s = rng.standard_normal((count, d))
        values = function(mean + deviation * s)
        best, s = min(best, values.min()), s[np.argsort(values)]
        mean = mean + deviation * (utility @ s)
        deviation = deviation * np.exp((3 + math.log(d)) / (5 * math.sqrt(d)) / 2 * (utility @ (s**2 - 1)))
    return best


@pytest.mark.parametrize(("function", "generations"), [(sphere, 150), (rosenbrock, 200)])
def test_snes_is_as_good_as_the_papers(function, generations):
    """Medians of log10 f over seeds with the same starts differ by less than their spread."""
    ours, theirs = [], []
    for seed in range(15):
        start = np.random.default_rng(seed).uniform(-2, 2, 8)
        method = SNES(start, SNESParams(sigma=0.5), seed=seed, maximize=False, dtype=np.float64)
        ours.append(math.log10(run(method, function, generations).best_fitness))
        theirs.append(math.log10(snes_of_the_paper(function, start, 0.5, generations, np.random.default_rng(seed))))
    spread = max(np.subtract(*np.percentile(values, [75, 25])) for values in (ours, theirs))
    assert abs(np.median(ours) - np.median(theirs)) <= spread
    assert np.median(ours) < (-4 if function is sphere else 1)


def test_cma_es_takes_the_librarys_steps():
    """Fed the same points, the library ends at the same distribution."""
    method = CMAES(np.full(5, 0.5), CMAESParams(sigma=0.4), maximize=False, dtype=np.float64)
    library = CMA(mean=np.full(5, 0.5), sigma=0.4)
    for _ in range(30):
        points = method.ask()
        values = rosenbrock(points)
        method.tell(values)
        library.ask()
        library.tell(list(zip(points, values, strict=True)))
    assert np.allclose(method.state.mean, library.mean, rtol=1e-6)
    assert method.state.sigma == pytest.approx(library._sigma, rel=1e-6)
    assert np.allclose(method.state.covariance, library._C, rtol=1e-5, atol=1e-9)


def test_separable_cma_es_is_the_tutorial_on_a_diagonal():
    """Hansen 2016, figure 6, with matrices, of which only the diagonal is kept; c₁ and c_μ times (n + 2)/3."""
    n, population, mean, sigma = 5, 8, np.full(5, 0.5), 0.4
    method = SepCMAES(mean, SepCMAESParams(sigma=sigma), maximize=False, dtype=np.float64)
    raw = np.log((population + 1) / 2) - np.log(np.arange(1, 5))
    w = raw / raw.sum()
    mu_eff = 1 / (w**2).sum()
    c_s, c_c = (mu_eff + 2) / (n + mu_eff + 5), (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
    d_s = 1 + 2 * max(0, np.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_s
    c_1 = 2 / ((n + 1.3) ** 2 + mu_eff) * (n + 2) / 3
    c_mu = 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff) * (n + 2) / 3
    chi = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))
    cov, p_s, p_c = np.eye(n), np.zeros(n), np.zeros(n)
    for g in range(1, 31):
        points = method.ask()
        values = rosenbrock(points)
        method.tell(values)
        y = (points[np.argsort(values)[:4]] - mean) / sigma
        step = w @ y
        mean = mean + sigma * step
        p_s = (1 - c_s) * p_s + np.sqrt(c_s * (2 - c_s) * mu_eff) * np.linalg.inv(np.sqrt(cov)) @ step
        h = np.linalg.norm(p_s) / np.sqrt(1 - (1 - c_s) ** (2 * g)) < (1.4 + 2 / (n + 1)) * chi
        p_c = (1 - c_c) * p_c + h * np.sqrt(c_c * (2 - c_c) * mu_eff) * step
        kept = 1 + (1 - h) * c_1 * c_c * (2 - c_c) - c_1 - c_mu
        cov = np.diag(np.diag(kept * cov + c_1 * np.outer(p_c, p_c) + c_mu * (y.T * w) @ y))
        sigma *= np.exp(c_s / d_s * (np.linalg.norm(p_s) / chi - 1))
        assert np.allclose(method.state.mean, mean)
        assert method.state.sigma == pytest.approx(sigma)
        assert np.allclose(method.state.variance, np.diag(cov))


@pytest.mark.parametrize(
    ("method", "function", "generations"),
    [
        (CMAES, sphere, 250),
        (CMAES, rosenbrock, 700),
        (SepCMAES, sphere, 250),
        (SNES, sphere, 300),
    ],
)
def test_reaches_1e_8(method, function, generations):
    for seed in range(3):
        solved = run(method(np.full(8, 0.8), seed=seed, maximize=False, dtype=np.float64), function, generations)
        assert solved.best_fitness < 1e-8
        assert function(solved.solution[None])[0] < 1e-8


def test_openai_es_climbs():
    params = ESParams(population=50, sigma=0.05, learning_rate=0.03, weight_decay=0.0)
    method = run(OpenAIES(np.full(100, 0.5), params, maximize=False), sphere, 150)
    assert sphere(method.solution[None])[0] < 0.05  # from 25


def test_beyond_1000_dimensions_cma_es_offers_the_separable_one():
    with pytest.raises(ValueError, match="1,001 dimensions are more than 1,000; use SepCMAES"):
        CMAES(np.zeros(1001))
    with pytest.raises(ValueError, match="population = 3"):
        CMAESParams(population=3)


def test_cma_es_draws_again_out_of_bounds():
    """Clipping alone would put half of the candidates onto a bound that the mean sits at."""
    method = CMAES(np.zeros(2), CMAESParams(population=40, sigma=1.0), bounds=(0, 9))
    on_bound = (method.ask() == 0).any(axis=1)
    assert on_bound.mean() < 0.1
