"""A network as a list of assignments, before it is written in a language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from genomes.files import shortest
from genomes.functions import UnknownFunction, activation_name, aggregation_name
from genomes.networks import Networks, compile_population
from genomes.population import Genome, Population
from genomes.scaling import Scaling

__all__ = ["ACTIVATIONS", "FOLDS", "Assignment", "NotExportable", "Program"]

# In words that each language has or is given (see the helpers of `genomes.export.python`); nothing here raises.
ACTIVATIONS = {
    "identity": "x",
    "sigmoid": "1 / (1 + exp(-clamp(5 * x, -60, 60)))",
    "tanh": "tanh(2.5 * x)",
    "sin": "sin(clamp(5 * x, -60, 60))",
    "gauss": "exp(-5 * clamp(x, -3.4, 3.4) * clamp(x, -3.4, 3.4))",
    "relu": "at_least(x, 0)",
    "elu": "choose(x > 0, x, exp(at_most(x, 0)) - 1)",
    "lelu": "choose(x > 0, x, 0.005 * x)",
    "selu": "choose(x > 0, 1.0507009873554805 * x, 1.7580993408473766 * (exp(at_most(x, 0)) - 1))",
    "softplus": "0.2 * log(1 + exp(clamp(5 * x, -60, 60)))",
    "clamped": "clamp(x, -1, 1)",
    "inv": "choose(x == 0, 0, 1 / choose(x == 0, 1, x))",
    "log": "log(at_least(x, 0.0000001))",
    "exp": "exp(clamp(x, -60, 60))",
    "abs": "size(x)",
    "hat": "at_least(1 - size(x), 0)",
    "square": "x * x",
    "cube": "x * x * x",
    "sigmoid-steep": "1 / (1 + exp(-clamp(4.9 * x, -60, 60)))",
    "gelu": "0.5 * at_least(x, -10) * (1 + tanh(0.7978845608028654 * (at_least(x, -10) + 0.044715 * at_least(x, -10)"
    " * at_least(x, -10) * at_least(x, -10))))",
    "silu": "at_least(x, -80) / (1 + exp(-at_least(x, -80)))",
    "softsign": "clamp(x, -1e37, 1e37) / (1 + size(clamp(x, -1e37, 1e37)))",
    "step": "choose(x > 0, 1, choose(x <= 0, 0, x))",
}
_OWN = "activation {!r} is registered by code of your own, which is not exported: write the network by hand"
FOLDS = {"product": "times", "min": "smaller", "max": "larger", "maxabs": "farther"}  # two values to one


class NotExportable(ValueError):
    """The network uses what no exported code has; the message names it."""


@dataclass(frozen=True)
class Assignment:
    """node = activation(bias + aggregation(weight * source, ...)), in continuous time a part ``rate`` of the way."""

    node: str
    state: int  # its place among the values that last from call to call
    bias: float
    activation: str
    aggregation: str
    terms: tuple[tuple[float, str], ...]  # a weight and its source; "": the weight itself
    rate: float | None


@dataclass(frozen=True)
class Program:
    """What a network computes, in order.

    Parameters
    ----------
    about : lines of a comment at the top.
    num_inputs, num_outputs : of the function.
    assignments : of all nodes, in order of evaluation.
    outputs : the nodes that are returned.
    state : number of values that last from call to call; 0 of feed-forward networks.
    activations : how often the assignments are gone through in a call.
    scaling : of the inputs; None: taken as they are.
    """

    about: tuple[str, ...]
    num_inputs: int
    num_outputs: int
    assignments: tuple[Assignment, ...]
    outputs: tuple[str, ...]
    state: int
    activations: int
    scaling: Scaling | None

    @classmethod
    def of(
        cls,
        genome: Genome,
        mode: str = "feedforward",
        activations_per_step: int = 1,
        scaling: Scaling | None = None,
        *,
        time_step: float = 1.0,
        about: tuple[str, ...] = (),
    ) -> Program:
        """The program of a genome's network; parameters as of `genomes.network.Network`.

        Raises
        ------
        NotExportable : it has an activation function that the user registered.
        """
        population, per_step = Population.of([genome]), activations_per_step
        try:
            net = compile_population(population, mode, activations_per_step=per_step, time_step=time_step, genes=True)
        except UnknownFunction as error:
            raise NotExportable(_OWN.format(error.name)) from None
        assert net.node_gene is not None
        names = [f"node_{i}" for i in genome.node_id[net.node_gene]]
        symbol = _symbols(net, names)
        assignments = tuple(_assignments(net, names, symbol))
        outputs = tuple(symbol(int(slot)) for slot in net.output_slot[0])
        state = len(names) if net.recurrent else 0
        return cls(about, net.task_inputs, net.num_outputs, assignments, outputs, state, per_step, scaling)


def _symbols(net: Networks, names: list[str]) -> Callable[[int], str]:
    """What a slot of the value buffer is called."""

    def symbol(slot: int) -> str:
        if slot < net.task_inputs:
            return f"x[{slot}]"
        if slot < net.num_inputs:  # the bias input: a constant
            return ""
        node = slot - net.num_inputs
        return names[node] if node < len(names) else f"state[{node - len(names)}]"

    return symbol


def _assignments(net: Networks, names: list[str], symbol: Callable[[int], str]) -> Iterator[Assignment]:
    for i, name in enumerate(names):
        activation = activation_name(int(net.activation[i]))
        if activation not in ACTIVATIONS:
            raise NotExportable(_OWN.format(activation))
        edges = range(net.edge_start[i], net.edge_start[i + 1])
        terms = tuple(_term(net, e, symbol(int(net.source[e]))) for e in edges)
        rate = shortest(net.rate[i]) if len(net.rate) else None
        bias = shortest(net.bias[i])
        yield Assignment(name, i, bias, activation, aggregation_name(int(net.aggregation[i])), terms, rate)


def _term(net: Networks, edge: int, source: str) -> tuple[float, str]:
    weight = net.weight[edge] if source else net.weight[edge] * np.float32(net.bias_input or 0.0)
    return shortest(weight), source
