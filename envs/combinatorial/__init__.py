"""Combinatorial problems for evolved constructive policies.

A network scores the candidates of each step, a greedy decoder builds the solution, fitness is the mean over random
instances, the check is on instances never seen. Read `policy` (what the problems share), then `tsp`, `knapsack`,
`scheduling`; each has the references that it is held against.
"""

from envs.combinatorial.knapsack import Knapsack
from envs.combinatorial.scheduling import Scheduling
from envs.combinatorial.tsp import TravellingSalesman

__all__ = ["Knapsack", "Scheduling", "TravellingSalesman"]
