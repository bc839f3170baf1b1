"""What tests of every kind may ask for, and what holds for every run of tests."""

import pytest

from genomes import backend
from tests import asserted, skips


def pytest_addoption(parser):
    skips.add_options(parser)


def pytest_configure(config):
    config.pluginmanager.register(skips.Skips(config))
    config.pluginmanager.register(asserted.Asserted(config))


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(backend, "cuda_problem", lambda: "no usable CUDA GPU was found")
