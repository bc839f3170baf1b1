"""What the tests of supervised evaluation share: networks and losses in double precision, and finite differences."""

import math
import random

import numpy as np

from genomes import functions
from genomes.networks import compile_population
from tests import reference
from tests.test_functions import REFERENCE

SMOOTH = ("tanh", "sigmoid", "sin", "gauss", "identity", "softplus", "gelu", "silu", "softsign", "elu")
EVERY = tuple(code for code in functions.ACTIVATIONS.values() if code < 128)
AGGREGATIONS = tuple(functions.AGGREGATIONS.values())


def networks(count, seed=1, mode="feedforward", **shape):
    shape = dict(activations=tuple(map(functions.activation_code, SMOOTH)), aggregations=AGGREGATIONS) | shape
    return compile_population(reference.random_population(random.Random(seed), count, **shape), mode)


def data(rows, outputs, classes, seed=1, inputs=3):
    """Inputs, targets (numbers where ``classes`` is 0) and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, inputs)).astype(np.float32)
    y = rng.integers(classes, size=rows) if classes else rng.standard_normal((rows, outputs))
    weight = rng.random(rows) * (rng.random(rows) < 0.8)
    weight[0] = 1.0
    return X, y.astype(np.int32 if classes else np.float32), weight.astype(np.float32)


def activate(name, x):
    if name == "gelu":  # as it is defined here: by the tanh
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return REFERENCE[name](x)


def aggregate(name, terms):
    if not terms:
        return 0.0
    table = {
        "sum": sum,
        "product": lambda t: np.prod(t, axis=0),
        "min": lambda t: np.min(t, axis=0),
        "max": lambda t: np.max(t, axis=0),
        "mean": lambda t: np.mean(t, axis=0),
        "median": lambda t: np.median(t, axis=0),
        "maxabs": lambda t: np.take_along_axis(np.array(t), np.abs(t).argmax(axis=0)[None], 0)[0],
    }
    return table[name](terms)


def outputs(network, X, weight, bias):
    """Outputs float64 [R, O] of a single compiled feed-forward network with these weights and biases."""
    values = list(X.T.astype(np.float64))
    if network.bias_input is not None:
        values.append(np.full(len(X), network.bias_input))
    for i in range(len(bias)):
        edges = range(network.edge_start[i], network.edge_start[i + 1])
        terms = [weight[e] * values[network.source[e]] for e in edges]
        total = bias[i] + aggregate(functions.aggregation_name(network.aggregation[i]), terms) + np.zeros(len(X))
        values.append(activate(functions.activation_name(network.activation[i]), total))
    return np.stack([values[slot] for slot in network.output_slot[0]], axis=1)


def numeric_gradients(network, loss, X, y, weight, step=1e-6):
    """Central differences of a loss of a single network by its weights and biases."""
    parameters = np.concatenate([network.weight, network.bias]).astype(np.float64)
    edges = len(network.weight)
    gradient = []
    for k in range(len(parameters)):
        around = []
        for sign in (1, -1):
            moved = parameters.copy()
            moved[k] += sign * step
            around.append(LOSSES[loss](outputs(network, X, moved[:edges], moved[edges:]), y, weight))
        gradient.append((around[0] - around[1]) / (2 * step))
    return np.array(gradient[:edges]), np.array(gradient[edges:])


def predicted(z):
    return (z[:, 0] > 0).astype(int) if z.shape[1] == 1 else z.argmax(axis=1)


def two(z):
    return np.concatenate([np.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z


def cross_entropy(z, y, w):
    z = two(z)
    top = z.max(axis=1)
    return (w * (np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[range(len(y)), y])).sum() / w.sum()


def hinge(z, y, w):
    if z.shape[1] == 1:
        return (w * np.maximum(0, 1 - (2 * y - 1) * z[:, 0])).sum() / w.sum()
    right = z[range(len(y)), y]
    others = z.copy()
    others[range(len(y)), y] = -np.inf
    return (w * np.maximum(0, 1 + others.max(axis=1) - right)).sum() / w.sum()


def recalls(z, y, w):
    hit = w * (predicted(z) == y)
    return np.mean([hit[y == c].sum() / w[y == c].sum() for c in range(max(2, z.shape[1])) if w[y == c].sum()])


def f1(z, y, w):
    found = predicted(z)
    classes = [1] if z.shape[1] <= 2 else range(z.shape[1])
    scores = []
    for c in classes:
        both, either = w[(found == c) & (y == c)].sum(), w[found == c].sum() + w[y == c].sum()
        scores.append(2 * both / either if either else 0.0)
    return np.mean(scores)


def auc(z, y, w):
    if z.shape[1] <= 2:
        return ranked(z[:, -1] - (z[:, 0] if z.shape[1] == 2 else 0), y == 1, w)
    e = np.exp(z - z.max(axis=1)[:, None])
    q = e / e.sum(axis=1)[:, None]
    return np.mean([ranked(q[:, c], y == c, w) for c in range(z.shape[1])])


def ranked(s, positive, w):
    _, group = np.unique(s, return_inverse=True)
    pos, neg = np.bincount(group, w * positive), np.bincount(group, w * ~positive)
    below = np.cumsum(neg) - neg
    return (pos * (below + 0.5 * neg)).sum() / (pos.sum() * neg.sum())


LOSSES = {
    "mse": lambda z, y, w: (w[:, None] * (z - y) ** 2).sum() / w.sum() / z.shape[1],
    "mae": lambda z, y, w: (w[:, None] * abs(z - y)).sum() / w.sum() / z.shape[1],
    "cross-entropy": cross_entropy,
    "hinge": hinge,
    "accuracy": lambda z, y, w: (w * (predicted(z) == y)).sum() / w.sum(),
    "zero-one": lambda z, y, w: (w * (predicted(z) != y)).sum() / w.sum(),
    "balanced-accuracy": recalls,
    "f1": f1,
    "auc": auc,
}
