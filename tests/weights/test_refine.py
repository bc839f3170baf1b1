"""`neat refine`: a champion's weights tuned at fixed topology, the run untouched."""

import json
import random

import numpy as np
import pytest

from envs.datasets import load_dataset
from experiments import refine_champion
from experiments.cli import _run
from experiments.config import read_config
from experiments.errors import BadInput
from experiments.session import load_champion
from experiments.training.refinement import Refinement
from genomes.files import load_genome, load_scaling
from genomes.forward import forward
from genomes.networks import MODES, compile_population
from genomes.population import Population
from genomes.topology import Topology
from tests import reference


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of runs that have just begun."""
    home = tmp_path_factory.mktemp("runs")
    for name, preset in (("iris", "iris"), ("numbers", "diabetes"), ("car", "mountain-car-continuous")):
        size = ["--generations", "2", "--population", "30", "--threads", "1", "--quiet"]
        assert _run(["run", preset, "--out", str(home / name), *size]) in (0, 1)
    return home


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_topology_is_its_genome_with_other_weights():
    for mode in MODES:
        for p, genome in enumerate(reference.random_population(random.Random(3), 20, **reference.dynamics(mode))):
            topology = Topology(genome, mode)
            X = np.random.default_rng(p).standard_normal((7, genome.num_inputs)).astype(np.float32)
            X = X[:, : topology.base.task_inputs]
            others = topology.vector + np.array([[0.0], [0.5], [-1.0]], np.float32)
            networks = topology.networks(others)
            for k, weights in enumerate(others):
                alone = compile_population(Population.of([topology.genome(weights)]), mode)
                assert forward(networks, X)[k].tobytes() == forward(alone, X)[0].tobytes()
            assert topology.genome(topology.vector).equals(genome)


def test_a_topology_keeps_limits_and_shapes():
    genome = next(iter(reference.random_population(random.Random(3), 1)))
    topology = Topology(genome, weight_limits=(-1, 2), bias_limits=(-0.5, 0.5))
    far = topology.networks(np.full((1, topology.size), 9.0))
    assert far.weight.max() == 2 and far.bias.max() == 0.5
    with pytest.raises(ValueError, match=r"weights must have shape \[P, "):
        topology.networks(np.zeros((1, topology.size + 1)))


@pytest.mark.slow
def test_refined_is_better_and_the_run_stays(runs, tmp_path):
    before = contents(runs / "iris")
    arguments = ["refine", str(runs / "iris"), "--out", str(tmp_path / "new"), "--evaluations", "300", "--quiet"]
    assert _run(arguments) == 0
    assert contents(runs / "iris") == before
    summary = json.loads((tmp_path / "new" / "summary.json").read_text())
    refined = summary["refined"]
    assert refined["improved"] and refined["after"]["score"] < refined["before"]["score"]
    assert 300 <= summary["evaluations"] <= 330
    old, new = (load_genome(folder / "champion.json") for folder in (runs / "iris", tmp_path / "new"))
    assert (old.source == new.source).all() and (old.enabled == new.enabled).all() and not old.equals(new)
    assert _run(["evaluate", str(tmp_path / "new")]) == 0
    rows = (tmp_path / "new" / "training.csv").read_text().splitlines()
    assert len(rows) == 1 + summary["generations"]
    # A refined champion is no run, but can be refined again
    assert _run(["resume", str(tmp_path / "new")]) == 2
    assert _run(["refine", str(tmp_path / "new"), "--method", "adam", "--evaluations", "9", "--quiet"]) == 0
    assert (tmp_path / "new-adam-1-1" / "champion.json").is_file()


def test_the_seed_decides(runs, tmp_path):
    made = [
        refine_champion(runs / "car", "snes", evaluations=60, seed=seed, out=tmp_path / f"{k}", threads=threads)
        for k, (seed, threads) in enumerate([(1, 1), (1, 2), (2, 1)])
    ]
    same = [(one["evaluations"], one["best_fitness"], one["refined"]["after"]) for one in made]
    assert same[0] == same[1] != same[2]
    assert (tmp_path / "0" / "champion.json").read_bytes() == (tmp_path / "1" / "champion.json").read_bytes()


@pytest.mark.parametrize(("method", "limit"), [("levenberg-marquardt", 30), ("adam", 60), ("elm", 0), ("eki", 400)])
def test_methods_of_data_improve_numbers_in_the_units_of_the_targets(runs, tmp_path, method, limit):
    settings = {"spread": 0.1} if method == "eki" else {}
    summary = refine_champion(runs / "numbers", method, evaluations=limit, out=tmp_path / "new", **settings)
    assert summary["refined"]["after"]["fitness"] < summary["refined"]["before"]["fitness"]
    # the champion file alone, on rows as they are
    data = load_dataset("diabetes")
    network = load_genome(tmp_path / "new" / "champion.json").network()
    network.scaling = load_scaling(tmp_path / "new" / "champion.json")
    error = data.y[:, 0] - network(data.X)[:, 0]
    assert np.mean(error**2) < 0.8 * np.var(data.y)


@pytest.mark.parametrize("safe", ["gradient", "rescale"])
def test_safe_mutations_of_a_graph(runs, tmp_path, safe):
    settings = {"population": 20, "parents": 4, "sigma": 0.05, "safe": safe}
    summary = refine_champion(runs / "iris", "deep-ga", evaluations=200, out=tmp_path / "new", **settings)
    assert summary["refined"]["after"]["score"] < summary["refined"]["before"]["score"]


def test_a_graph_tells_its_sensitivity_to_each_weight(runs):
    problem = Refinement(
        read_config(runs / "iris" / "config.toml"), *load_champion(runs / "iris"), "snes", {}, 1
    ).problem
    w, step = problem.start.astype(np.float64), 1e-2
    sides = [[problem.outputs(w + s * step * unit).mean(axis=0) for unit in np.eye(len(w))] for s in (1, -1)]
    slopes = (np.array(sides[0], float) - sides[1]) / (2 * step)
    np.testing.assert_allclose(problem.sensitivity(w), np.linalg.norm(slopes, axis=1), rtol=2e-2, atol=2e-3)


def test_an_own_environment_keeps_the_scaling_of_its_champion(tmp_path):
    options = ["--set", "task.native=false", "--set", "task.episodes=1", "--set", "task.validation_episodes=2",
               "--set", "task.max_steps=20", "--generations", "2", "--population", "4"]  # fmt: skip
    assert _run(["run", "Pendulum-v1", *options, "--quiet", "--out", str(tmp_path / "run")]) in (0, 1)
    refine_champion(tmp_path / "run", "snes", evaluations=8, out=tmp_path / "new")
    old, new = (load_scaling(tmp_path / name / "champion.json") for name in ("run", "new"))
    assert old is not None and new is not None and (old.shift == new.shift).all() and (old.scale == new.scale).all()


@pytest.mark.parametrize(
    ("run", "method", "settings", "parts"),
    [
        ("car", "adam", {}, ["adam", "gradient", "MountainCarContinuous-v0", "cma-es"]),
        ("car", "levenberg-marquardt", {}, ["residuals", "jacobian"]),
        ("car", "elm", {}, ["elm", "rows of data"]),
        ("car", "ns-es", {}, ["behaviour"]),
        ("car", "deep-ga", {"safe": "gradient"}, ["rows of data"]),
        ("iris", "cmaes", {}, ["cmaes", "cma-es"]),
        ("iris", "cma-es", {"sigm": 1}, ["sigm", "sigma"]),
        ("iris", "cma-es", {"sigma": "wide"}, ["sigma", "number"]),
        ("iris", "elm", {"units": 3}, ["units", "penalty"]),
        ("absent", "cma-es", {}, ["absent", "config.toml"]),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(runs, tmp_path, run, method, settings, parts):
    with pytest.raises(BadInput) as caught:
        refine_champion(runs / run, method, out=tmp_path / "new", **settings)
    assert "\n" not in str(caught.value) and not (tmp_path / "new").exists()
    for part in parts:
        assert part in str(caught.value)
