"""Genomes for the tests of speciation."""

import numpy as np

from genomes.population import Genome


def genome_of(genes: dict[int, float]) -> Genome:
    numbers = sorted(genes)
    count = len(numbers)
    return Genome(
        1,
        1,
        np.arange(2, dtype=np.int32),
        np.zeros(2, np.float32),
        np.zeros(2, np.uint8),
        np.zeros(2, np.uint8),
        np.array(numbers, np.int32),
        np.zeros(count, np.int32),
        np.ones(count, np.int32),
        np.array([genes[i] for i in numbers], np.float32),
        np.ones(count, np.bool_),
    )


def clusters(count: int, species: int, seed: int) -> list[dict[int, float]]:
    rng = np.random.default_rng(seed)
    centres = [dict.fromkeys(rng.choice(300, 12, replace=False).tolist(), 0.0) for _ in range(species)]
    return [
        {i: float(rng.integers(-8, 8)) / 8 for i in centres[rng.integers(species)] if rng.random() < 0.9}
        for _ in range(count)
    ]
