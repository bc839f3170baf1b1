"""Mutation of one genome's weights, biases, node functions and enabled flags, in place.

Every draw is keyed by the offspring and the gene's position, so the loops over genes vectorise; so that they do,
positions are unsigned (signed ones count from the end where they are negative).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.rng import random_bits, times, to_normal, to_unit
from neat.kernels.selection import below

__all__ = [
    "RULES",
    "clip",
    "draw_words",
    "fresh_time_constant",
    "fresh_value",
    "mutate_enabled",
    "mutate_functions",
    "mutate_genome",
    "mutate_time_constants",
]

# Purposes of random numbers: 120-129 here, 130-139 crossover, 140-149 structure
# (typed, because Numba compiles a function anew for every whole number that it is called with)
GENOME, WEIGHTS, BIASES, ACTIVATIONS, AGGREGATIONS, TIME_CONSTANTS = (np.uint32(purpose) for purpose in range(120, 126))
# Draws of the purpose GENOME
WHICH_VALUES, WHICH_ENABLED, WHICH_STRUCTURE = np.int64(0), np.int64(1), np.int64(2)

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
    ],
    align=True,  # here and below: a GPU reads no float32 elsewhere than at a multiple of four bytes
)
TIME_RULE = np.dtype(
    [(name, np.float32) for name in ("perturb", "replace", "power", "centre", "scale", "low", "high")], align=True
)
# What the parameters say, in the form that kernels read
RULES = np.dtype(
    [
        ("weight", VALUE_RULE),
        ("bias", VALUE_RULE),
        ("time_constant", TIME_RULE),
        ("severe_or_mild", np.bool_),
        ("activation_mutation", np.float32),
        ("aggregation_mutation", np.float32),
        ("output_activation_fixed", np.bool_),
        ("toggle_enabled", np.float32),
        ("reenable", np.float32),
        ("keep_disabled", np.float32),
        ("unite_equals", np.bool_),  # of equally fit parents: unmatched genes of both at random
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
_LEAST_WITH_YOUNG = 10


def draw_words(words, count, seed, generation, purpose, child):
    """Fill ``words`` [4, count or more] with the random words of draws 0..count-1."""
    for i in range(count):
        words[0, i], words[1, i], words[2, i], words[3, i] = random_bits(seed, generation, purpose, child, i)


def symmetric(bits):
    """Uniform in [-1, 1)."""
    return times(_TWO, to_unit(bits)) - _ONE


def clip(value, low, high):
    """``value`` within [low, high]."""
    value = low if value < low else value
    return high if value > high else value


def fresh_value(rule, a, b):
    """A new weight or bias from two words."""
    noise = to_normal(a, b) if rule.gaussian_new else symmetric(a)
    return clip(times(rule.scale, noise), rule.low, rule.high)


def mutate_genome(rules, bias, node, node_end, weight, link, link_end, words, seed, generation, child):
    """Mutate the biases of the nodes ``node:node_end``, inputs left aside, and the weights ``link:link_end``."""
    draw_words(words, WHICH_ENABLED, seed, generation, GENOME, child)
    with_weights = to_unit(words[0, WHICH_VALUES]) < rules.weight.mutation
    mild = to_unit(words[1, WHICH_VALUES]) < _HALF
    with_biases = to_unit(words[2, WHICH_VALUES]) < rules.bias.mutation
    if with_weights:
        draw_words(words, np.int64(link_end - link), seed, generation, WEIGHTS, child)
        mutate_weights(weight, link, link_end, rules, mild, words)
    if with_biases:
        rule = rules.bias
        draw_words(words, np.int64(node_end - node), seed, generation, BIASES, child)
        mutate_values(bias, node, node, node_end, rule.perturb, rule.replace, rule, words)


def mutate_weights(weight, begin, end, rules, mild, words):
    """Mutate the weights ``begin:end`` of a genome; the rule of its genes may depend on their age."""
    rule = rules.weight
    if rules.severe_or_mild and mild:
        count = np.int64(end - begin)
        old = 4 * count // 5 + 1 if count >= _LEAST_WITH_YOUNG else count  # the youngest fifth has a rule of its own
        young = begin + np.uint64(old)
        mutate_values(weight, begin, begin, young, _ONE, _ZERO, rule, words)
        mutate_values(weight, begin, young, end, _MILD_PERTURB, _MILD_REPLACE, rule, words)
    else:
        mutate_values(weight, begin, begin, end, rule.perturb, rule.replace, rule, words)


def mutate_values(values, origin, begin, end, perturb, replace, rule, words):
    """Perturb each of ``values[begin:end]`` with probability ``perturb``, replace it with probability ``replace``."""
    power, scale, low, high = rule.power, rule.replacement_scale, rule.low, rule.high
    gaussian_step, gaussian_new = rule.gaussian_perturbation, rule.gaussian_new
    either = perturb + replace
    for i in range(begin, end):
        w = i - origin
        choice, flat, bell = to_unit(words[0, w]), symmetric(words[1, w]), to_normal(words[1, w], words[2, w])
        step = times(power, bell if gaussian_step else flat)
        new = times(scale, bell if gaussian_new else flat)
        moved = clip(values[i] + step if choice < perturb else new, low, high)
        values[i] = moved if choice < either else values[i]


def mutate_functions(codes, begin, end, options, probability, seed, generation, purpose, child):
    """Draw each of the nodes' function codes anew with this probability."""
    for i in range(begin, end):
        a, b, _, _ = random_bits(seed, generation, purpose, child, i - begin)
        if to_unit(a) < probability:
            codes[i] = options[below(b, len(options))]


def fresh_time_constant(rule, a, b):
    """A new time constant from two words."""
    return clip(rule.centre + times(rule.scale, to_normal(a, b)), rule.low, rule.high)


def mutate_time_constants(values, begin, end, rule, seed, generation, child):
    """Perturb or replace each of the nodes' time constants with these probabilities."""
    for i in range(begin, end):
        a, b, c, _ = random_bits(seed, generation, TIME_CONSTANTS, child, i - begin)
        choice = to_unit(a)
        if choice < rule.perturb:
            values[i] = clip(values[i] + times(rule.power, to_normal(b, c)), rule.low, rule.high)
        elif choice < rule.perturb + rule.replace:
            values[i] = fresh_time_constant(rule, b, c)


def mutate_enabled(enabled, begin, end, rules, seed, generation, child):
    """Toggle a random connection; enable the oldest disabled one."""
    a, b, c, _ = random_bits(seed, generation, GENOME, child, WHICH_ENABLED)
    if end > begin and to_unit(a) < rules.toggle_enabled:
        e = begin + below(b, end - begin)
        enabled[e] = not enabled[e]
    if to_unit(c) < rules.reenable:
        for e in range(begin, end):
            if not enabled[e]:
                enabled[e] = True
                return
