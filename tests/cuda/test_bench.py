"""The benchmark of the GPU, at a size for the simulator: every part gives its figures."""

import sys

import pytest

from experiments.bench import control, forward, gpu
from genomes.backend import simulated


@pytest.mark.skipif(not simulated(), reason="the benchmark itself runs here")
def test_benchmark_writes_every_figure(tmp_path, monkeypatch):
    for module in (control, forward):
        monkeypatch.setattr(module, "GENOMES", 3)
    for name, value in {"ROWS": 9, "STEPS": 4, "REPEATS": 1, "_tests": lambda result: None}.items():
        monkeypatch.setattr(gpu, name, value)
    monkeypatch.setattr(sys, "argv", ["gpu", "--json", str(tmp_path / "figures.json")])
    gpu.main()
    text = (tmp_path / "figures.json").read_text()
    assert "failed" not in text and "left out" not in text, text
    for name in ("forward_30_edge_rows_per_s", "gradient_by_loss", "cartpole_30_steps_per_s", "doublepole2008_3_steps"):
        assert name in text
