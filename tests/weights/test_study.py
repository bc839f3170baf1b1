"""The study: its measurements, its table of results, its page; and the worked example."""

import html
import json
import math
from pathlib import Path

import numpy as np
import pytest

from experiments import minimize, study
from experiments.bench.harness import machine
from experiments.cli import _run
from experiments.errors import BadInput
from experiments.study.answers import BreakEven, break_even, sentences
from experiments.study.measure import Row, measure
from experiments.study.plan import (
    GRADIENTS,
    LEVELS,
    OPTIONS,
    SATURATED,
    Job,
    options_of,
    tuning_jobs,
    weights_of,
    why_not,
)
from experiments.study.run import COSINE, Results, _architecture_jobs, _cosine_jobs, _methods_for, _task_jobs, run_study
from experiments.study.table import LEAST_ROWS, Choice, make_table, planted_share
from neat.weights.registry import METHODS

QUICK = LEVELS["quick"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_table_by_thresholds_and_level_sets(seed):
    """The worked example: genes are real and binary, and no gradient exists."""
    table = make_table(seed)
    choice = Choice(table)
    assert len(table.outcome) == 1000 and 0.5 < (table.outcome == 0).mean() < 0.65
    found = minimize(choice.share, method="ga", evaluations=10_000, seed=seed, **choice.search)
    kept = choice.rows(found.x)
    assert found.feasible and kept.sum() >= LEAST_ROWS
    assert found.value == (table.outcome[kept] == 0).mean() <= planted_share(table) + 0.02
    assert set(np.unique(found.x[choice.search["binary"]])) <= {0.0, 1.0}


def test_every_method_is_in_the_study_or_needs_what_data_do_not_give():
    assert set(METHODS) - set(OPTIONS) == {"ns-es", "nsr-es"} and set(OPTIONS) <= set(METHODS)
    assert why_not("cma-es", 1333) and not why_not("adam", 13333)


def test_no_method_reads_all_rows_where_few_are_given():
    """The closed form takes all of them at once; the others are told to take four."""
    assert "elm" in _methods_for("saturated") and "elm" not in _methods_for("noisy")
    assert all(options["batch"] == 4 for name in _methods_for("noisy") for options in options_of("noisy", name))


def test_a_bad_start_is_one_for_an_ensemble_too():
    """Ensemble Kalman inversion begins with as many bad starts as it has members, not with one that it looks around."""
    assert all(options["spread"] == SATURATED for options in options_of("saturated", "eki"))
    row = measure(Job("hard", "saturated", "eki", 5, json.dumps(options_of("saturated", "eki")[0]), 1, 0.05))
    assert 0 <= row.value <= 1 and not row.note


@pytest.mark.parametrize("method", ["adam", "openai-es", "elm"])
def test_a_training_is_measured(method):
    settings = json.dumps(OPTIONS[method][0])
    row = measure(Job("sizes", "digits", method, 5, settings, 1, 0.05))
    assert row.weights == weights_of(5) == 385 and 0 <= row.value <= 1 and row.seconds > 0 and row.evaluations > 0


def test_the_cosine_of_a_gradient_is_one_and_of_few_candidates_small():
    exact = measure(Job("cosine", "1", "sgd", 3, "{}", 1, 0))
    differences = measure(Job("cosine", "D + 1", "sgd", 3, "{}", 2, 0))
    few = measure(Job("cosine", "16", "openai-es", 13, json.dumps(COSINE["openai-es"](16)), 1, 0))
    assert exact.value > 0.999 and differences.value > 0.999 and abs(few.value) < 0.6


@pytest.mark.slow
def test_jobs_on_tasks_run():
    jobs = [*_task_jobs(QUICK)[:: QUICK.seeds * 4], _architecture_jobs(QUICK)[0], _architecture_jobs(QUICK)[-1]]
    assert sum('"unit"' in job.settings for job in _architecture_jobs(QUICK)) == 2 * QUICK.seeds  # the fair opponent
    for job in jobs:
        settings = job.options | ({"population": 4} if "population" in job.options else {})
        row = measure(Job(job.part, job.case, job.method, job.size, json.dumps(settings), 1, 300))
        assert 0 < row.evaluations <= 350 and "needs" not in row.note, row
    assert len({job.key for job in _cosine_jobs(QUICK)}) == len(_cosine_jobs(QUICK))


def made_up(folder):
    """Results in which the gradient wins everywhere but on the steps."""
    results = Results(folder / "results.csv")
    rng = np.random.default_rng(1)
    for seed in (1, 2):
        for method in OPTIONS:
            for hidden in (h for h in QUICK.hidden if not why_not(method, h)):
                value = (0.9 if method in GRADIENTS else 0.6) + 0.01 * rng.random()
                results.add(_row("sizes", "digits", method, weights_of(hidden), seed, value))
            for case in ("zero-one", "noisy", "saturated"):
                slope = method in (*GRADIENTS, "elm")
                value = {"zero-one": 0.5, "noisy": 0.9, "saturated": 0.6}[case] if slope else 0.6
                surrogate = (case, method) == ("zero-one", "eki")  # takes no part where the loss is trained on directly
                value = 0.99 if surrogate else value + 0.001 * rng.random()
                results.add(_row("hard", case, method, 100, seed, value))
        for size in (160, 9985):
            results.add(_row("cosine", "128", "openai-es", size, seed, 30 / size))
        results.add(_row("hard", "maze", "ns-es", 9, seed, 1.0, "solved; net"))
        results.add(_row("hard", "delayed", "snes", 9, seed, -200.0, "not solved; net"))
        results.add(_row("hard", "architecture", "neat", 5, seed, 500.0, "solved; a graph that it finds"))
        results.add(_row("hard", "architecture", "cma-es", 7, seed, math.nan, "not solved; Elman"))
        half = ("solved; unit", 400.0) if seed == 1 else ("not solved; unit", math.nan)
        results.add(_row("hard", "architecture", "cosyne", 5, seed, half[1], half[0]))
        results.add(_row("parallel", "digits", "adam", 9, seed, 0.1))
        results.add(_row("parallel", "digits", "openai-es", 9, seed, 9.0, "generations=10 judging=0.8 message=1e-5"))
    return results


def _row(part, case, method, weights, seed, value, note=""):
    key = f"{part}|{case}|{method}|{weights}|{seed}"
    return Row(key, part, case, method, weights, "{}", seed, 1000, 1.0, value, note)


def page_of(folder):
    return (folder / "index.html").read_text()


def test_the_page_says_what_was_measured(tmp_path):
    pytest.importorskip("matplotlib")
    from experiments.study.page import write_page

    answer = write_page(tmp_path, made_up(tmp_path), QUICK)
    assert len(answer) == 10 and all("figure" in text for text in answer)
    page = page_of(tmp_path)
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("sizes.png", "cosine.png", "parallel.png"))
    assert "behind" in answer[0] and "behind" in answer[1]
    assert "0.10" in answer[4] and "ahead" in answer[4] and "0.30" in answer[5] and "behind" in answer[5]
    assert "within the spread" in answer[6] or "0.00" in answer[6]
    assert "in 2 of 2 runs by ns-es (net)" in answer[7] and "by none of 1" in answer[7]
    assert "NEAT, which is told no network, solves 2 of 2 runs (500 ± 0 evaluations)" in answer[8]
    assert "cosyne (unit), solves 1 of 2 runs (400 ± 0 evaluations), 1 never do" in answer[8]
    assert "of the fixed ones 0 do better" in answer[8]
    assert "Elman" in page and "0 of 2" in page
    assert machine()["cpu"] in html.unescape(page)
    assert "a matrix of D x D" in page and "Extrapolated" in page
    assert answer == sentences(Results(tmp_path / "results.csv"), QUICK)  # from the file alone


def test_break_even_is_the_least_number_of_workers(tmp_path):
    found = break_even(made_up(tmp_path))
    assert found == BreakEven(0.1, 10.0, 100, pytest.approx(0.0008), pytest.approx(0.02), pytest.approx(1e-5))
    assert found.workers == 0  # the update alone takes 0.2 s
    faster = BreakEven(1.0, 10, 100, 0.01, 0.001, 1e-5)
    assert faster.seconds(1) == pytest.approx(10.01)
    assert faster.seconds(faster.workers) <= 1.0 < faster.seconds(faster.workers - 1)


def test_results_are_kept_and_read_again(tmp_path):
    results = Results(tmp_path / "results.csv")
    row = _row("hard", "maze", "ns-es", 9, 1, math.nan, 'a "note", with commas')
    results.add(row)
    again = Results(tmp_path / "results.csv").rows[row.key]
    assert math.isnan(again.value) and again.note == row.note and again.evaluations == 1000
    with open(tmp_path / "results.csv", "a") as file:
        file.write("hard|maze|ns-es,hard,ma")  # killed while it wrote
    again = Results(tmp_path / "results.csv")
    again.add(_row("hard", "maze", "ns-es", 9, 2, 1.0))
    assert [r.seed for r in Results(tmp_path / "results.csv").rows.values()] == [1, 2]
    (tmp_path / "results.csv").write_text("part,case\nx,y\n")
    with pytest.raises(BadInput, match="line 2"):
        Results(tmp_path / "results.csv")


def test_the_results_of_another_level_are_not_mixed_in(tmp_path):
    results = Results(tmp_path / "results.csv")
    (job, *_) = tuning_jobs("sizes", "digits", ["adam"], QUICK.hidden[0], QUICK)
    results.add(Row(job.key, "sizes", "digits", "adam", 985, job.settings, 0, 10, 0.4, 0.9))
    with pytest.raises(BadInput, match="another level than standard"):
        run_study(LEVELS["standard"], results, 1, print)


def test_the_page_that_ships_is_that_of_its_results():
    folder = Path(study.__file__).parent / "results"
    results, page = Results(folder / "results.csv"), html.unescape(page_of(folder))
    assert all(f"<li>{text}</li>" in page for text in sentences(results, LEVELS["full"]))
    assert {row.method for row in results.of("sizes")} == set(OPTIONS)


def test_another_study_is_bad_input(tmp_path, capsys):
    assert _run(["study", "gradients", "--out", str(tmp_path / "x")]) == 2
    assert "gradient-free" in capsys.readouterr().err and not (tmp_path / "x").exists()
