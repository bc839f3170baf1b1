"""Mutation of one genome's weights, biases, node functions and enabled flags, in place.

Every draw is keyed by the offspring and the gene's position, so the loops over genes vectorise.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import math

import numpy as np

from genomes.rng import random_bits, to_unit

__all__ = ["RULES", "below", "fresh_value", "mutate_enabled", "mutate_functions", "mutate_values", "mutate_weights"]

# Purposes of random numbers: 120-129 here, 130-139 crossover, 140-149 structure
GENOME, WEIGHTS, BIASES, ACTIVATIONS, AGGREGATIONS = 120, 121, 122, 123, 124
# Draws of the purpose GENOME
WHICH_STRUCTURE, WHICH_VALUES, WHICH_ENABLED = 0, 1, 2

VALUE_RULE = np.dtype(
    [
        ("mutation", np.float32),  # probability that a genome's values mutate
        ("perturb", np.float32),  # per value of a mutating genome
        ("replace", np.float32),
        ("power", np.float32),  # of perturbations
        ("replacement_scale", np.float32),
        ("scale", np.float32),  # of new values
        ("low", np.float32),
        ("high", np.float32),
        ("gaussian_perturbation", np.bool_),
        ("gaussian_new", np.bool_),
    ]
)
# What the parameters say, in the form that kernels read
RULES = np.dtype(
    [
        ("weight", VALUE_RULE),
        ("bias", VALUE_RULE),
        ("severe_or_mild", np.bool_),
        ("activation_mutation", np.float32),
        ("aggregation_mutation", np.float32),
        ("output_activation_fixed", np.bool_),
        ("toggle_enabled", np.float32),
        ("reenable", np.float32),
        ("keep_disabled", np.float32),
        ("unite_equals", np.bool_),  # equally fit parents: unmatched genes of both at random; else the shorter's
        ("add_node", np.float32),
        ("add_connection", np.float32),
        ("add_connection_tries", np.int64),
        ("delete_node", np.float32),
        ("delete_connection", np.float32),
        ("prune_dangling", np.bool_),
        ("exclusive", np.bool_),
        ("feed_forward", np.bool_),
        ("constant_input", np.int64),  # node id, or -1
    ],
    align=True,
)

_ZERO, _HALF, _ONE, _TWO = np.float32(0.0), np.float32(0.5), np.float32(1.0), np.float32(2.0)
_MILD_PERTURB, _MILD_REPLACE = np.float32(0.5), np.float32(0.2)
_YOUNG = 0.8
_LEAST_WITH_YOUNG = 10
_TINY = np.float32(2.0**-25)
_MINUS_TWO = np.float32(-2.0)
_TWO_PI = np.float32(2.0 * math.pi)
_SHIFT_32 = np.uint64(32)


def below(bits, count):
    """A random index in [0, count), from one word."""
    return np.int64((np.uint64(bits) * np.uint64(count)) >> _SHIFT_32)


def symmetric(bits):
    """Uniform in [-1, 1)."""
    return _TWO * to_unit(bits) - _ONE


def normal(a, b):
    """A standard normal number from two words, by Box-Muller."""
    radius = math.sqrt(_MINUS_TWO * np.float32(math.log(to_unit(a) + _TINY)))
    return np.float32(radius) * np.float32(math.cos(_TWO_PI * to_unit(b)))


def clip(value, low, high):
    """``value`` within [low, high]."""
    return min(max(value, low), high)


def fresh_value(rule, a, b):
    """A new weight or bias from two words."""
    noise = normal(a, b) if rule.gaussian_new else symmetric(a)
    return clip(rule.scale * noise, rule.low, rule.high)


def mutate_values(values, begin, end, perturb, replace, rule, seed, generation, purpose, child, first_draw):
    """Perturb each of ``values[begin:end]`` with probability ``perturb``, replace it with probability ``replace``."""
    power, scale, low, high = rule.power, rule.replacement_scale, rule.low, rule.high
    gaussian_step, gaussian_new = rule.gaussian_perturbation, rule.gaussian_new
    either = perturb + replace
    if gaussian_step or gaussian_new:
        for i in range(begin, end):
            a, b, c, _ = random_bits(seed, generation, purpose, child, first_draw + i - begin)
            bell, flat = normal(b, c), symmetric(b)
            step = power * (bell if gaussian_step else flat)
            new = scale * (bell if gaussian_new else flat)
            values[i] = varied(values[i], to_unit(a), perturb, either, step, new, low, high)
    else:
        for i in range(begin, end):
            a, b, _, _ = random_bits(seed, generation, purpose, child, first_draw + i - begin)
            flat = symmetric(b)
            values[i] = varied(values[i], to_unit(a), perturb, either, power * flat, scale * flat, low, high)


def varied(value, choice, perturb, either, step, new, low, high):
    """The value after its mutation, if ``choice`` in [0, 1) says that it has one."""
    moved = clip(value + step if choice < perturb else new, low, high)
    return moved if choice < either else value


def mutate_weights(weight, begin, end, rules, severity, seed, generation, child):
    """Mutate the weights of a genome whose turn it is; the rule of its genes may depend on their age."""
    rule = rules.weight
    if not rules.severe_or_mild or severity >= _HALF:
        mutate_values(weight, begin, end, rule.perturb, rule.replace, rule, seed, generation, WEIGHTS, child, 0)
        return
    count = end - begin
    old = min(count, int(_YOUNG * count) + 1) if count >= _LEAST_WITH_YOUNG else count
    mutate_values(weight, begin, begin + old, _ONE, _ZERO, rule, seed, generation, WEIGHTS, child, 0)
    young = begin + old
    mutate_values(weight, young, end, _MILD_PERTURB, _MILD_REPLACE, rule, seed, generation, WEIGHTS, child, old)


def mutate_functions(codes, begin, end, options, probability, seed, generation, purpose, child):
    """Draw each of the nodes' function codes anew with this probability."""
    for i in range(begin, end):
        a, b, _, _ = random_bits(seed, generation, purpose, child, i - begin)
        if to_unit(a) < probability:
            codes[i] = options[below(b, len(options))]


def mutate_enabled(enabled, begin, end, rules, seed, generation, child):
    """Toggle a random connection; enable the oldest disabled one."""
    a, b, c, _ = random_bits(seed, generation, GENOME, child, WHICH_ENABLED)
    if to_unit(a) < rules.toggle_enabled and end > begin:
        e = begin + below(b, end - begin)
        enabled[e] = not enabled[e]
    if to_unit(c) < rules.reenable:
        for e in range(begin, end):
            if not enabled[e]:
                enabled[e] = True
                return
