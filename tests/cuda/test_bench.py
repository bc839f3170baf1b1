"""The benchmark of the GPU, at a size for the simulator: every section gives its figures."""

import json
import sys

import pytest

from experiments.bench import gpu
from experiments.bench.device.sections import SECTIONS, Section, Sizes
from genomes.backend import simulated

pytestmark = pytest.mark.skipif(not simulated(), reason="the benchmark itself runs here")
FIGURES = {
    "forward": ["forward_30_edge_rows_per_s", "forward_3_share_of_limit"],
    "CartPole": ["cartpole_30_steps_per_s"],
    "losses and gradients": ["gradient_by_loss"],
    "environments": ["doublepole2008_3_steps_per_s", "mazehard_3_first_s"],
    "generation, evolution on the host": ["generation_30_host_s"],
    "generation, evolution on the device": ["generation_30_device_s"],
    "TensorNEAT": ["beside_tensorneat_3_s"],
}


@pytest.mark.parametrize("name", SECTIONS)
def test_sections_write_their_figures(name, tmp_path):
    gpu.run_section(name, tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert not found["failed"]
    assert set(FIGURES.get(name, ())) <= set(found["figures"]) and found["notes"]


def test_what_fails_is_told_with_what_was_known_before(tmp_path, monkeypatch):
    def broken(result, sizes):
        SECTIONS["CartPole"].run(result, sizes)
        raise RuntimeError("an illegal memory access")

    monkeypatch.setitem(SECTIONS, "forward", Section(broken, 60))
    gpu.run_section("forward", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert "cartpole_3_s" in found["figures"] and "an illegal memory access" in found["failed"]["forward"]


def test_tests_in_parts_tell_how_far_they_got(tmp_path):
    """The last part of a file, a single test; and one that was stopped."""
    said = tmp_path / "said"
    code = gpu.start_tests(gpu._ROOT / "tests" / "cuda" / "test_compile.py", "19/20", said).wait()
    assert code == 0 and gpu.outcome(said.read_text(), code).startswith("1 passed")
    assert gpu.outcome("test_a PASSED [1%]\ntest_b FAILED [2%]\n", -1) == "not done in time: 1 passed, 1 failed"


def test_the_whole_is_a_file_of_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu", "--json", str(tmp_path / "figures.json"), "--only", "CartPole"])
    gpu.main()
    whole = json.loads((tmp_path / "figures.json").read_text())
    assert whole["work"]["gpu"] == "simulator" and whole["work"]["steps"] == Sizes.here().steps
    assert not whole["work"]["failed"] and "cartpole_30_steps_per_s" in whole["figures"]
    assert "cartpole_30_steps_per_s" in capsys.readouterr().out
