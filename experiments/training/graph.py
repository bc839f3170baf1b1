"""A fixed graph on any task of the project."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.measuring import jacobian
from envs.rows import Rows
from envs.supervised import SupervisedTask
from envs.task import Key, Task
from experiments.training.problem import Evidence
from genomes.dense import Dense
from genomes.forward import forward
from genomes.functions import without_derivative
from genomes.population import Genome
from genomes.topology import Topology
from neat.params import NEATParams

__all__ = ["PROBES", "GraphProblem", "TaskProblem", "squashed", "supplies", "target_numbers", "topology_of"]

PROBES = 64  # train rows by which safe mutations judge how far the outputs move


def topology_of(genome: Genome, params: NEATParams, device: str) -> Topology:
    """The genome's graph, with the weights that the run's parameters allow."""
    weights, biases = (params.weight_min, params.weight_max), (params.bias_min, params.bias_max)
    return Topology(genome, weight_limits=weights, bias_limits=biases, device=device, **params.computing)


class GraphProblem:
    """The weights of a genome's network, judged by a task.

    Supplies fitness; behaviour where the task gives any; on data also outputs with targets, and where the objective
    and the activations are smooth its gradient, and residuals with their Jacobian.
    """

    def __init__(self, topology: Topology, task: Task, name: str = "the task") -> None:
        self.topology, self.task, self.name = topology, task, name
        self.maximize = task.maximize
        self.supplies = supplies(task, topology.base.recurrent)
        if without_derivative(topology.base.activation):
            self.supplies = tuple(need for need in self.supplies if need not in ("gradient", "residuals"))
        # What safe mutations need to know
        self.outputs = self._outputs if "outputs" in self.supplies else None
        self.sensitivity = self._sensitivity if "residuals" in self.supplies else None

    @property
    def start(self) -> NDArray[np.float32]:
        """The genome's own weights."""
        return self.topology.limited(self.topology.vector)

    def judge(self, candidates: NDArray[Any], key: Key, needs: str) -> Evidence:
        """Fitness, and what ``needs`` asks for, on the task's rows or episodes of this key."""
        networks = self.topology.networks(candidates)
        evaluation = self.task.evaluate(networks, key)
        evidence: list[ArrayLike] = []
        if needs == "behaviour":
            evidence = [evaluation.extras["behaviour"]]
        elif needs != "fitness":
            assert isinstance(self.task, SupervisedTask)
            if needs == "gradient":
                evidence = [self.topology.gradient(*self.task.gradients(networks, key))]
            else:
                rows = self.task.rows(key)
                targets = target_numbers(rows, self.task.num_outputs)
                outputs = forward(networks, rows.X).astype(np.float64)
                if needs == "outputs":
                    values = squashed(outputs) if rows.classes else outputs
                    evidence = [values.reshape(len(networks), -1), targets.reshape(-1)]
                else:
                    residuals = outputs[0] - (2 * targets - 1 if rows.classes else targets)
                    slopes = jacobian(networks, rows.X)[..., : self.topology.size]
                    evidence = [residuals.reshape(1, -1), slopes.reshape(1, -1, self.topology.size)]
        return evaluation.fitness, evidence

    def _outputs(self, weights: NDArray[Any]) -> NDArray[np.float32]:
        """[R', O] Outputs on the first rows."""
        outputs: NDArray[np.float32] = forward(self.topology.networks(weights[None]), self._probes)[0]
        return outputs

    def _sensitivity(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """[D] How far each weight moves the outputs on the first rows; as `DataProblem` has it."""
        slopes = jacobian(self.topology.networks(weights[None]), self._probes)[..., : self.topology.size]
        return np.asarray(np.linalg.norm(slopes.mean(axis=0, dtype=np.float64), axis=0))

    @property
    def _probes(self) -> NDArray[np.float32]:
        assert isinstance(self.task, SupervisedTask)
        return self.task.train.X[:PROBES]


class TaskProblem:
    """Dense nets on a task: fitness, and behaviour where the task gives any."""

    def __init__(self, net: Dense, task: Task, start: NDArray[np.float32]) -> None:
        self.net, self.task, self.start = net, task, start
        self.name, self.maximize = "the task", task.maximize
        self.supplies = supplies(task, recurrent=True)

    def judge(self, candidates: NDArray[Any], key: Key, needs: str) -> Evidence:
        """Fitness, and behaviour where it is needed."""
        evaluation = self.task.evaluate(self.net.networks(candidates), key)
        return evaluation.fitness, [evaluation.extras["behaviour"]] if needs == "behaviour" else []


def supplies(task: Task, recurrent: bool) -> tuple[str, ...]:
    """Keys of `NEEDS` that a task can meet, where all activations have derivatives."""
    if isinstance(task, SupervisedTask) and not recurrent:
        return ("fitness", "outputs", "residuals") + (("gradient",) if task.objective.gradient else ())
    return ("fitness", "behaviour") if task.behaves else ("fitness",)


def target_numbers(rows: Rows, outputs: int) -> NDArray[np.float64]:
    """[R, O] numbers as they are; of classes 1 at the row's class (of one output: at the second), else 0."""
    if not rows.classes:
        return rows.y.astype(np.float64)
    own = rows.y[:, None] == (np.arange(outputs) if outputs > 1 else 1)
    return np.asarray(own, np.float64)


def squashed(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities [..., O] of logits: softmax, or of a single output the logistic function."""
    if logits.shape[-1] == 1:
        return np.asarray(0.5 * (1 + np.tanh(logits / 2)))
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
