"""Losses and scores of a block of rows: what becomes of its outputs, instead of their being stored.

Two kernels serve all measures, one for numbers and one for classes. Targets are y, float32 [O, R'] numbers or int32
[R'] classes, and weight float32 [R'], R' being R rounded up to whole blocks; rows of weight 0 do not count. Scratch
rows are the last ones of the value buffer.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions import elementary
from genomes.kernels.forward import TILE
from genomes.kernels.vector import BLOCK, LANES, add_to_lanes, sum_lanes

__all__ = ["CLASSES", "CODES", "NUMBERS", "SCRATCH"]

SCRATCH = 4  # rows of the value buffer that belong to no slot
MSE, MAE, CROSS_ENTROPY, HINGE, ACCURACY, ZERO_ONE, BINS = range(7)
CODES = {
    "mse": MSE,
    "mae": MAE,
    "cross-entropy": CROSS_ENTROPY,
    "hinge": HINGE,
    "accuracy": ACCURACY,
    "zero-one": ZERO_ONE,
    "balanced-accuracy": BINS,
    "f1": BINS,
}

_exp, _log = elementary.exp, elementary.log

_ZERO, _ONE, _TWO = np.float32(0.0), np.float32(1.0), np.float32(2.0)
_INFINITY = np.float32(np.inf)
ROWS = np.uint64(BLOCK)


def at(slot):
    """Where a slot's row begins."""
    return np.uint64(slot) * ROWS


def fill_numbers(code, p, row, values, output_slot, y, out):
    """What each row loses: mean over outputs of (z - y)² or |z - y|."""
    share = _ONE / np.float32(output_slot.shape[1])
    set_row(values, out, _ZERO)
    for o in range(output_slot.shape[1]):
        z, own = at(output_slot[p, o]), y[o]
        for r in range(ROWS):
            error, total = values[z + r] - own[row + r], values[out + r]
            error = error * error if code == MSE else abs(error)
            values[out + r] = total + error
    for r in range(ROWS):
        values[out + r] *= share


def fill_classes(code, p, row, values, output_slot, y, out):
    """What each row loses or scores, NaN where an output is NaN."""
    if code == CROSS_ENTROPY:
        cross_entropy(p, row, values, output_slot, y, out)
    elif code == HINGE:
        hinge(p, row, values, output_slot, y, out)
    else:
        find_class(p, values, output_slot, out)
        top = out + ROWS
        right, wrong = (_ONE, _ZERO) if code == ACCURACY else (_ZERO, _ONE)
        for r in range(ROWS):
            said, best = values[out + r], values[top + r]
            score = right if said == np.float32(y[row + r]) else wrong
            values[out + r] = score + (best - best)


def cross_entropy(p, row, values, output_slot, y, out):
    """-log of the class's probability, by softmax of O outputs or sigmoid of one."""
    if output_slot.shape[1] == 1:
        z = at(output_slot[p, 0])
        for r in range(ROWS):
            wrong = values[z + r]
            wrong = -wrong if y[row + r] == 1 else wrong
            values[out + r] = (_ZERO if wrong < _ZERO else wrong) + _log(_ONE + _exp(-abs(wrong)))
        return
    top, own = out + ROWS, out + ROWS + ROWS
    find_top(p, row, values, output_slot, y, top, own)
    sum_exponentials(p, values, output_slot, top, out)
    for r in range(ROWS):
        values[out + r] = _log(values[out + r]) + (values[top + r] - values[own + r])


def hinge(p, row, values, output_slot, y, out):
    """How far the class's output is from beating the others by 1 (Crammer & Singer 2001), or one output from ±1."""
    if output_slot.shape[1] == 1:
        z = at(output_slot[p, 0])
        for r in range(ROWS):
            margin = values[z + r]
            margin = _ONE + (-margin if y[row + r] == 1 else margin)
            values[out + r] = _ZERO if margin < _ZERO else margin
        return
    own = out + ROWS
    find_rival(p, row, values, output_slot, y, out, own)
    for r in range(ROWS):
        margin = _ONE + values[out + r] - values[own + r]
        values[out + r] = _ZERO if margin < _ZERO else margin


def set_row(values, first, value):
    """Fill a row."""
    for r in range(ROWS):
        values[first + r] = value


def find_top(p, row, values, output_slot, y, top, own):
    """The largest output, and the one of the row's class."""
    set_row(values, top, -_INFINITY)
    for o in range(output_slot.shape[1]):
        z, code = at(output_slot[p, o]), np.int32(o)
        for r in range(ROWS):
            value, best, mine = values[z + r], values[top + r], values[own + r]
            values[top + r] = value if value > best else best
            values[own + r] = value if y[row + r] == code else mine


def find_rival(p, row, values, output_slot, y, rival, own):
    """The largest output of the other classes (NaN if one is NaN), and the one of the row's class."""
    set_row(values, rival, -_INFINITY)
    for o in range(output_slot.shape[1]):
        z, code = at(output_slot[p, o]), np.int32(o)
        for r in range(ROWS):
            value, best, mine, is_own = values[z + r], values[rival + r], values[own + r], y[row + r] == code
            better = value if (value > best) | (value != value) else best
            values[rival + r] = best if is_own else better
            values[own + r] = value if is_own else mine


def sum_exponentials(p, values, output_slot, top, out):
    """Sum of exp(output - top)."""
    set_row(values, out, _ZERO)
    for o in range(output_slot.shape[1]):
        z = at(output_slot[p, o])
        for r in range(ROWS):
            total, difference = values[out + r], values[z + r] - values[top + r]
            values[out + r] = total + _exp(difference)


def find_class(p, values, output_slot, out):
    """The class, as a float32, that a network says; the next row gets the largest output, NaN if one is NaN."""
    top = out + ROWS
    if output_slot.shape[1] == 1:
        z = at(output_slot[p, 0])
        for r in range(ROWS):
            value = values[z + r]
            values[out + r] = _ONE if value > _ZERO else _ZERO
            values[top + r] = value
        return
    set_row(values, out, _ZERO)
    set_row(values, top, -_INFINITY)
    for o in range(output_slot.shape[1]):
        z, code = at(output_slot[p, o]), np.float32(o)
        for r in range(ROWS):
            value, best, said = values[z + r], values[top + r], values[out + r]
            better = (value > best) | (value != value)
            values[top + r] = value if better else best
            values[out + r] = code if better else said


def weighted_total(row, values, weight, out):
    """Sum of weight * value of a scratch row."""
    for r in range(ROWS):
        share, value = weight[row + r], values[out + r]
        values[out + r] = share * value if share != _ZERO else _ZERO
    total = out + ROWS
    for r in range(np.uint64(LANES)):
        values[total + r] = _ZERO
    lanes = np.int64(total // np.uint64(LANES))
    add_to_lanes(values, np.int64(out // ROWS), values, lanes)
    return sum_lanes(values, lanes)


def take_numbers(p, row, rows, values, output_slot, out):
    """The ``take_outputs`` of the forward kernel for numbers; ``out`` is (y, weight, code, totals [P, tiles, 1])."""
    y, weight, code, totals = out
    scratch, start = first_scratch(values), np.uint64(row)
    fill_numbers(code, p, start, values, output_slot, y, scratch)
    totals[p, row // TILE, 0] += weighted_total(start, values, weight, scratch)


def take_classes(p, row, rows, values, output_slot, out):
    """The ``take_outputs`` of the forward kernel for classes; ``out`` is (y, weight, code, totals [P, tiles, K])."""
    y, weight, code, totals = out
    scratch, start = first_scratch(values), np.uint64(row)
    if code == BINS:
        count_bins(p, start, rows, values, output_slot, y, weight, totals[p, row // TILE], scratch)
    else:
        fill_classes(code, p, start, values, output_slot, y, scratch)
        totals[p, row // TILE, 0] += weighted_total(start, values, weight, scratch)


def first_scratch(values):
    """Where the scratch rows begin."""
    return np.uint64(values.shape[0]) - np.uint64(SCRATCH) * ROWS


def count_bins(p, row, rows, values, output_slot, y, weight, bins, scratch):
    """Add to bins [2 C + 1], class by class, the weight of the rows that are rightly said to be of it, then of those
    that are said to be of it; last 0, or NaN if an output is not finite."""
    classes = (len(bins) - 1) // 2
    find_class(p, values, output_slot, scratch)
    for r in range(np.uint64(rows)):
        said, share = np.int64(values[scratch + r]), weight[row + r]
        bins[classes + said] += share
        if said == y[row + r]:
            bins[said] += share
    for r in range(ROWS):
        best = values[scratch + ROWS + r]
        values[scratch + r] = best - best
    bins[2 * classes] += weighted_total(row, values, weight, scratch)


def number_slopes(code, p, row, values, output_slot, adjoint, y):
    """Derivatives of mse or mae by the outputs."""
    share = _ONE / np.float32(output_slot.shape[1])
    for o in range(output_slot.shape[1]):
        z, own = at(output_slot[p, o]), y[o]
        for r in range(ROWS):
            error = values[z + r] - own[row + r]
            sign = share if error > _ZERO else (-share if error < _ZERO else error)
            adjoint[z + r] = _TWO * share * error if code == MSE else sign


def cross_entropy_slopes(p, row, values, output_slot, adjoint, y):
    """Probability - 1 for the class, probability for the others"""
    if output_slot.shape[1] == 1:
        z = at(output_slot[p, 0])
        for r in range(ROWS):
            own = _ONE if y[row + r] == 1 else _ZERO
            adjoint[z + r] = _ONE / (_ONE + _exp(-values[z + r])) - own
        return
    total = first_scratch(values)
    top = total + ROWS
    find_top(p, row, values, output_slot, y, top, top + ROWS)
    sum_exponentials(p, values, output_slot, top, total)
    for o in range(output_slot.shape[1]):
        z, code = at(output_slot[p, o]), np.int32(o)
        for r in range(ROWS):
            own = _ONE if y[row + r] == code else _ZERO
            adjoint[z + r] = _exp(values[z + r] - values[top + r]) / values[total + r] - own


def hinge_slopes(p, row, values, output_slot, adjoint, y):
    if output_slot.shape[1] == 1:
        z = at(output_slot[p, 0])
        for r in range(ROWS):
            sign = -_ONE if y[row + r] == 1 else _ONE
            adjoint[z + r] = sign if _ONE + sign * values[z + r] > _ZERO else _ZERO
        return
    rival = first_scratch(values)
    own, given = rival + ROWS, rival + ROWS + ROWS
    find_rival(p, row, values, output_slot, y, rival, own)
    for r in range(ROWS):
        values[given + r] = _ONE if _ONE + values[rival + r] - values[own + r] > _ZERO else _ZERO
        values[own + r] = values[given + r]
    for o in range(output_slot.shape[1]):
        z, code = at(output_slot[p, o]), np.int32(o)
        for r in range(ROWS):
            mine, left, whole = y[row + r] == code, values[given + r], values[own + r]
            chosen = (y[row + r] != code) & (values[z + r] == values[rival + r])
            adjoint[z + r] = -whole if mine else (left if chosen else _ZERO)
            values[given + r] = _ZERO if chosen else left


def put_numbers(p, row, rows, values, output_slot, adjoint, targets):
    """The ``put_adjoints`` of the backward kernel for numbers; ``targets`` are (y, weight, code)."""
    y, weight, code = targets
    number_slopes(code, p, np.uint64(row), values, output_slot, adjoint, y)
    weigh(p, np.uint64(row), output_slot, adjoint, weight)


def put_classes(p, row, rows, values, output_slot, adjoint, targets):
    """The ``put_adjoints`` of the backward kernel for classes; ``targets`` are (y, weight, code)."""
    y, weight, code = targets
    if code == CROSS_ENTROPY:
        cross_entropy_slopes(p, np.uint64(row), values, output_slot, adjoint, y)
    else:
        hinge_slopes(p, np.uint64(row), values, output_slot, adjoint, y)
    weigh(p, np.uint64(row), output_slot, adjoint, weight)


def weigh(p, row, output_slot, adjoint, weight):
    """Multiply the outputs' derivatives by the rows' weights."""
    for o in range(output_slot.shape[1]):
        z = at(output_slot[p, o])
        for r in range(ROWS):
            share = weight[row + r]
            adjoint[z + r] = share * adjoint[z + r] if share != _ZERO else _ZERO


NUMBERS = {"take_outputs": take_numbers, "put_adjoints": put_numbers}
CLASSES = {"take_outputs": take_classes, "put_adjoints": put_classes}
