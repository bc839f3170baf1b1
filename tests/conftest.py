"""What tests of every kind may ask for."""

import pytest

from genomes import backend


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(backend, "cuda_problem", lambda: "no usable CUDA GPU was found")
