"""What tests of every kind may ask for, and what holds for every run of tests."""

import shutil

import pytest

from genomes import backend
from tests import asserted, skips
from tests.run_cases import ENDLESS, neat


def pytest_addoption(parser):
    skips.add_options(parser)


def pytest_configure(config):
    config.pluginmanager.register(skips.Skips(config))
    config.pluginmanager.register(asserted.Asserted(config))


@pytest.fixture
def no_gpu(monkeypatch):
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(backend, "cuda_problem", lambda: "no usable CUDA GPU was found")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A folder with a run that has ended, and the file that it came from."""
    folder = tmp_path_factory.mktemp("old")
    (folder / "endless.toml").write_text(ENDLESS)
    neat("run", "endless.toml", "--out", "run", "--quiet", "--generations", 3, cwd=folder, code=1)
    return folder


@pytest.fixture
def home(old, tmp_path):
    """The same, to be spoilt."""
    shutil.copytree(old, tmp_path / "home")
    return tmp_path / "home"
