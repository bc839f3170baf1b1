"""These tests run where there is a GPU, or in Numba's CUDA simulator: ``make check``, or with
``NUMBA_ENABLE_CUDASIM=1`` before ``python -m pytest tests/cuda``.
"""

import os

import pytest

from genomes.backend import cuda_problem, simulated


def pytest_collection_modifyitems(items):
    part, parts = map(int, os.environ.get("PART_OF_TESTS", "0/1").split("/"))  # see `experiments.bench.gpu`
    items[:] = items[len(items) * part // parts : len(items) * (part + 1) // parts]
    reason = cuda_problem()
    if reason is not None:
        for item in items:
            if "tests/cuda" in str(item.path):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def many():
    """How many times the work of the simulator a GPU does."""
    return 1 if simulated() else 100
