from dataclasses import replace

import pytest

from experiments.bench.fidelity import POLES, Solved, _computing, _enter, _start
from experiments.bench.harness import Benchmark


def test_a_random_start_has_one_to_ten_hidden_nodes_and_about_half_of_the_links():
    population = _start(POLES["dpv_random_start"], 6, 1, seed=3).ask()
    population.check(feed_forward=True)
    hidden = [genome.num_hidden for genome in population]
    assert set(hidden) == set(range(1, 11))
    possible = sum(size * (7 + 1) for size in hidden)  # seven inputs with the constant one, one output
    assert len(population.innovation) == pytest.approx(possible / 2, rel=0.05)


def test_equal_links_of_a_random_start_have_equal_innovation_numbers():
    population = _start(POLES["dpv_random_start"], 6, 1, seed=3).ask()
    links = set(zip(population.source, population.target, strict=True))
    numbered = set(zip(population.source, population.target, population.innovation, strict=True))
    assert len(links) == len(numbered) == 80


def test_the_other_ablations_change_what_they_are_named_after_only():
    full = POLES["dpv"]
    assert POLES["dpv_no_mating"] == replace(full, mutate_only=1.0)
    fixed = _start(POLES["dpv_no_growth"], 6, 1, seed=3)
    assert {(genome.num_hidden, len(genome.innovation)) for genome in fixed.ask()} == {(10, 80)}
    assert POLES["dpv_no_growth"].add_node == POLES["dpv_no_growth"].add_connection == 0.0


def test_the_papers_networks_pass_a_signal_one_link_a_step():
    modes = {name: _computing(name)["mode"] for name in POLES}
    ours = {"dpv_default": "feedforward", "dpnv_default": "synchronous"}
    assert modes == {name: ours.get(name, "synchronous") for name in POLES}
    assert POLES["dpv"].mode == "feedforward"  # it breeds networks without cycles


def test_a_failed_run_counts_as_its_budget():
    result = Benchmark("fidelity", {})
    assert _enter(result, "dpv_no_growth", [Solved(100, 1, 5), None, Solved(200, 1, 5), None], 1000) == [
        Solved(100, 1, 5),
        Solved(200, 1, 5),
    ]
    assert result.figures["dpv_evaluations_no_growth"].mean == 575
    assert result.figures["dpv_solved_evaluations_no_growth"].mean == 150
    assert result.figures["dpv_failures_no_growth"].mean == 2


def test_without_failures_there_is_one_mean():
    result = Benchmark("fidelity", {})
    _enter(result, "dpv", [Solved(100, 1, 5), Solved(200, 1, 5)], 1000)
    assert set(result.figures) == {"dpv_evaluations", "dpv_failures"}
