"""Activations of whole arrays, by the functions of the table."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel
from genomes.kernels.vector import BLOCK

__all__ = ["activate_array", "slopes_array"]


def activate_rows(code, values, first):
    """Apply an activation to BLOCK values; the generated switch is bound here."""


@kernel
def activate_array(begin, end, code, values):
    """Blocks begin..end-1 of BLOCK values of a flat array, in place; the last one may be shorter."""
    scratch = np.zeros(BLOCK, np.float32)
    for b in range(begin, end):
        first = b * BLOCK
        if first + BLOCK <= len(values):
            activate_rows(code, values, np.uint64(first))
        else:
            rest = len(values) - first
            scratch[:rest] = values[first:]
            activate_rows(code, scratch, np.uint64(0))
            values[first:] = scratch[:rest]


@kernel
def slopes_array(begin, end, code, values, slopes):
    """As `activate_array`, with the derivatives; the switch of slopes is bound to it."""
    scratch = np.zeros(2 * BLOCK, np.float32)
    for b in range(begin, end):
        first = b * BLOCK
        rows = min(BLOCK, len(values) - first)
        scratch[:rows] = values[first : first + rows]
        activate_rows(code, scratch, np.uint64(0))
        values[first : first + rows] = scratch[:rows]
        slopes[first : first + rows] = scratch[BLOCK : BLOCK + rows]
