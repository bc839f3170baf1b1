"""Greedy decoders: a network scores the candidates of each step, the best one is taken.

Items are (network, instance). Networks are feed-forward; a score that is not finite loses against any other.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from genomes.kernels.binding import kernel
from genomes.kernels.forward_each import activate_network

__all__ = ["decode_jobs", "decode_knapsack", "decode_tour"]

ZERO, TWO, TEN = np.float32(0.0), np.float32(2.0), np.float32(10.0)
LOWEST = np.float32(-3.4e38)


def score(values, p, networks, num_inputs, task_inputs, bias_input):
    """The network's output for the inputs in ``values``."""
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot = networks
    if task_inputs < num_inputs:
        values[num_inputs - 1] = bias_input
    first, last = node_start[p], node_start[p + 1]
    activate_network(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight)
    result = values[output_slot[p, 0]]
    return result if abs(result) < -LOWEST else LOWEST


def distance(places, a, b):
    dx, dy = places[a, 0] - places[b, 0], places[a, 1] - places[b, 1]
    return np.float32(math.sqrt(dx * dx + dy * dy))


def detour(places, city, a, b):
    """Length that a tour gains when the city goes between a and b."""
    return distance(places, a, city) + distance(places, city, b) - distance(places, a, b)


def close_gap(members, place, count):
    """Move what follows a place one down, so that equal scores go by number."""
    for k in range(place, count):
        members[k] = members[k + 1]


@kernel
def decode_tour(begin, end, networks, num_inputs, task_inputs, bias_input, max_slots, places, tours, lengths):
    """Tours by insertion: from city 0 on, the city of the highest score goes where it costs least.

    Of each city outside: distance to the nearest city inside and cheapest detour (in typical spacings, √n), distance
    to the centre of all cities, mean distance to the others outside, share of the cities that are inside.
    """
    instances, cities = places.shape[0], places.shape[1]
    values = np.empty(max_slots, np.float32)
    outside = np.empty(cities, np.int64)
    after = np.empty(cities, np.int64)  # city -> the next one of the tour
    near = np.empty(cities, np.float32)
    cost = np.empty(cities, np.float32)
    apart = np.empty(cities, np.float32)
    central = np.empty(cities, np.float32)
    where = np.empty(cities, np.int64)  # city outside -> the city after which it goes
    scale = np.float32(math.sqrt(np.float32(cities)))
    for item in range(begin, end):
        p, xy = item // instances, places[item % instances]
        tour = tours[p, item % instances]
        centre_x, centre_y = ZERO, ZERO
        for c in range(cities):
            centre_x += xy[c, 0] / np.float32(cities)
            centre_y += xy[c, 1] / np.float32(cities)
        left = 0
        for c in range(1, cities):
            outside[left] = c
            left += 1
            near[c], where[c], apart[c] = distance(xy, 0, c), 0, ZERO
            cost[c] = TWO * near[c]
            dx, dy = xy[c, 0] - centre_x, xy[c, 1] - centre_y
            central[c] = np.float32(math.sqrt(dx * dx + dy * dy))
            for other in range(1, cities):
                apart[c] += distance(xy, c, other)
        after[0] = 0
        total = ZERO
        while left > 0:
            best, chosen = np.float32(-np.inf), 0
            inside = np.float32(cities - left) / np.float32(cities)
            for k in range(left):
                c = outside[k]
                values[0], values[1], values[2] = scale * near[c], scale * cost[c], central[c]
                values[3], values[4] = apart[c] / np.float32(max(left - 1, 1)), inside
                s = score(values, p, networks, num_inputs, task_inputs, bias_input)
                if s > best:
                    best, chosen = s, k
            city = outside[chosen]
            left -= 1
            close_gap(outside, chosen, left)
            before = where[city]
            following = after[before]
            after[before], after[city] = city, following
            total += cost[city]
            for k in range(left):
                c = outside[k]
                d = distance(xy, c, city)
                near[c] = min(near[c], d)
                apart[c] -= d
                if where[c] == before:  # its edge is gone: search all
                    cost[c] = np.float32(np.inf)
                    a = 0
                    for _ in range(cities - left):
                        gain = detour(xy, c, a, after[a])
                        if gain < cost[c]:
                            cost[c], where[c] = gain, a
                        a = after[a]
                else:
                    for a in (before, city):
                        gain = detour(xy, c, a, after[a])
                        if gain < cost[c]:
                            cost[c], where[c] = gain, a
        a = 0
        for k in range(cities):
            tour[k] = a
            a = after[a]
        lengths[p, item % instances] = total


@kernel
def decode_knapsack(
    begin, end, networks, num_inputs, task_inputs, bias_input, max_slots, worth, weight, capacity, taken, totals
):
    """Knapsacks: of the items that still fit, the one of the highest score is packed, until none fits.

    Of each item: worth and weight by the means of all items, worth a weight by the mean ratio, weight by the room that
    is left, share of the capacity that is left.
    """
    instances, items = worth.shape
    values = np.empty(max_slots, np.float32)
    for item in range(begin, end):
        p, i = item // instances, item % instances
        mean_worth, mean_weight, mean_ratio = ZERO, ZERO, ZERO
        for k in range(items):
            taken[p, i, k] = False
            mean_worth += worth[i, k] / np.float32(items)
            mean_weight += weight[i, k] / np.float32(items)
            mean_ratio += worth[i, k] / weight[i, k] / np.float32(items)
        room, total = capacity[i], ZERO
        while True:
            best, chosen = np.float32(-np.inf), -1
            for k in range(items):
                if taken[p, i, k] or weight[i, k] > room:
                    continue
                values[0], values[1] = worth[i, k] / mean_worth, weight[i, k] / mean_weight
                values[2] = worth[i, k] / weight[i, k] / mean_ratio
                values[3], values[4] = weight[i, k] / room, room / capacity[i]
                s = score(values, p, networks, num_inputs, task_inputs, bias_input)
                if s > best:
                    best, chosen = s, k
            if chosen < 0:
                break
            taken[p, i, chosen] = True
            room -= weight[i, chosen]
            total += worth[i, chosen]
        totals[p, i] = total


@kernel
def decode_jobs(
    begin, end, networks, num_inputs, task_inputs, bias_input, max_slots, duration, weight, due, order, tardiness
):
    """Sequences of jobs on one machine: whenever it is free, the job of the highest score begins.

    Of each job, times in mean durations of the jobs that wait: logarithm of the duration, slack (within -10 .. 10),
    slack that is left (at most 10), logarithm of weight by duration (by the means), logarithm of what is left until the
    modified due date; share of jobs that wait; the slack that is left, times the spread of all due dates and times
    their mean (both by the sum of all durations). The rules ATC and WMDD are weighted sums of these, and so is an ATC
    whose look-ahead goes by how early and how far apart jobs are due.
    """
    instances, jobs = duration.shape
    values = np.empty(max_slots, np.float32)
    waiting = np.empty(jobs, np.int64)
    for item in range(begin, end):
        p, i = item // instances, item % instances
        left, work, importance = jobs, ZERO, ZERO
        first, last, middle = due[i, 0], due[i, 0], ZERO
        for j in range(jobs):
            waiting[j] = j
            work += duration[i, j]
            importance += weight[i, j]
            first, last, middle = min(first, due[i, j]), max(last, due[i, j]), middle + due[i, j] / np.float32(jobs)
        spread, middle = (last - first) / work, middle / work
        now, total = ZERO, ZERO
        while left > 0:
            mean = work / np.float32(left)
            common = importance / np.float32(left)
            best, chosen = np.float32(-np.inf), 0
            for k in range(left):
                j = waiting[k]
                slack = (due[i, j] - duration[i, j] - now) / mean
                spare = max(slack, ZERO)
                values[0] = np.float32(math.log(duration[i, j] / mean))
                values[1] = min(max(slack, -TEN), TEN)
                values[2] = min(spare, TEN)
                values[3] = np.float32(math.log(weight[i, j] / common * mean / duration[i, j]))
                values[4] = np.float32(math.log(duration[i, j] / mean + spare))
                values[5] = np.float32(left) / np.float32(jobs)
                values[6], values[7] = values[2] * spread, values[2] * middle
                s = score(values, p, networks, num_inputs, task_inputs, bias_input)
                if s > best:
                    best, chosen = s, k
            j = waiting[chosen]
            order[p, i, jobs - left] = j
            left -= 1
            close_gap(waiting, chosen, left)
            now += duration[i, j]
            work -= duration[i, j]
            importance -= weight[i, j]
            total += weight[i, j] * max(now - due[i, j], ZERO)
        tardiness[p, i] = total
