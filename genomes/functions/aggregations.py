"""Aggregation of a node's incoming values weight * value[source]: scalar, float32, in the order of the edges.

The aggregation of nothing is 0. NaN among the values gives NaN.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

__all__ = ["AGGREGATIONS", "aggregate"]

SUM, PRODUCT, MIN, MAX, MEAN, MEDIAN, MAXABS = range(7)

AGGREGATIONS = {
    "sum": SUM,
    "product": PRODUCT,
    "min": MIN,
    "max": MAX,
    "mean": MEAN,
    "median": MEDIAN,
    "maxabs": MAXABS,
}

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_NAN = np.float32(np.nan)


def aggregate(code, values, source, weight, begin, end, stride, lane):
    """Aggregate ``weight[e] * values[source[e] * stride + lane]`` over the edges begin <= e < end.

    A buffer of one value a slot has stride 1 and lane 0; a buffer of blocks has a stride of the block's rows.
    """
    if begin == end:
        return _ZERO
    if code == SUM:
        return _sum(values, source, weight, begin, end, stride, lane)
    if code == MEAN:
        return _sum(values, source, weight, begin, end, stride, lane) / np.float32(end - begin)
    if code == MEDIAN:
        return _median(values, source, weight, begin, end, stride, lane)
    result = weight[begin] * values[source[begin] * stride + lane]
    for e in range(begin + 1, end):
        result = combine(code, result, weight[e] * values[source[e] * stride + lane])
    return result


def combine(code, result, value):
    """One step of product, min, max or maxabs (on a tie of sizes the first stays)."""
    if code == PRODUCT:
        return result * value
    if code == MIN:
        better = value < result
    elif code == MAX:
        better = value > result
    else:
        better = abs(value) > abs(result)
    return value if better or value != value else result


def multiply_add(a, b, c):
    """a * b + c. CPU kernels bind the fused operation here where the processor has it."""
    return a * b + c


def _sum(values, source, weight, begin, end, stride, lane):
    total = _ZERO
    for e in range(begin, end):
        total = multiply_add(weight[e], values[source[e] * stride + lane], total)
    return total


def _median(values, source, weight, begin, end, stride, lane):
    """The middle value, or the mean of the middle two. By counting, which needs no scratch: quadratic in edges."""
    low, high, broken = _NAN, _NAN, False
    lower, upper = (end - begin - 1) // 2, (end - begin) // 2
    for e in range(begin, end):
        value = weight[e] * values[source[e] * stride + lane]
        less, equal = 0, 0
        for other in range(begin, end):
            rival = weight[other] * values[source[other] * stride + lane]
            less += rival < value
            equal += rival == value
        low = value if less <= lower < less + equal else low
        high = value if less <= upper < less + equal else high
        broken |= value != value
    return _NAN if broken else _HALF * (low + high)
