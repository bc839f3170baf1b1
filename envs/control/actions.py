"""What outputs mean, and angles: scalar functions that several environments share."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from genomes.functions.elementary import clamp

__all__ = ["best_of_three", "within_one", "wrapped"]

ONE = np.float32(1.0)
ROUND = np.float32(12582912.0)  # 1.5 * 2**23: adding and taking it away rounds to the nearest integer
TURN = np.float32(2 * math.pi)
PER_TURN = np.float32(0.5 / math.pi)
FIRST, SECOND, THIRD = np.int32(0), np.int32(1), np.int32(2)


def best_of_three(outputs):
    """Index of the greatest of three outputs, of equal ones the first."""
    a, b, c = outputs
    best = SECOND if b > a else FIRST
    return THIRD if c > (b if b > a else a) else best


def within_one(x):
    """An output limited to -1 .. 1. Limited, not squashed: a tanh output is in this range already, and squashing it a
    second time would put full force out of reach."""
    return clamp(x, -ONE, ONE)


def wrapped(angle):
    """The same angle in -pi .. pi; radians."""
    turns = (angle * PER_TURN + ROUND) - ROUND
    return angle - TURN * turns
