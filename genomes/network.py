"""One genome as a callable."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genomes.forward import forward, initial_state, network_arguments, step_driver
from genomes.networks import Networks, compile_population
from genomes.population import Genome, Population
from genomes.scaling import Scaling

__all__ = ["Network"]


class Network:
    """The network of one genome: ``network(x)`` gives its outputs.

    Parameters
    ----------
    genome : its activation functions are those registered now.
    mode : one of `genomes.networks.MODES`. Recurrent networks keep their state from call to call; see `reset`.
    activations_per_step : recurrent modes: how often one input is presented before the outputs are read.
    time_step : mode ctrnn: time from one activation to the next; see `compile_population`.
    scaling : applied to the inputs; None: they are taken as they are.
    """

    scaling: Scaling | None = None

    def __init__(
        self,
        genome: Genome,
        mode: str = "feedforward",
        activations_per_step: int = 1,
        scaling: Scaling | None = None,
        *,
        time_step: float = 1.0,
    ) -> None:
        self.scaling = scaling
        population, per_step = Population.of([genome]), activations_per_step
        self._set(compile_population(population, mode, activations_per_step=per_step, time_step=time_step), mode)

    @classmethod
    def of(cls, networks: Networks) -> Network:
        """The callable of a single compiled network."""
        self = cls.__new__(cls)
        self._set(networks, "recurrent" if networks.recurrent else "feedforward")
        return self

    def _set(self, networks: Networks, mode: str) -> None:
        self.networks = networks
        self.num_inputs = self.networks.task_inputs
        self.num_outputs = self.networks.num_outputs
        self.mode = mode
        self._input_shape = (self.num_inputs,)
        self._inputs = np.zeros((1, self.num_inputs), np.float32)
        self._state = initial_state(self.networks)
        self._arguments = (0, 1, *network_arguments(self.networks), self._inputs, self._state)
        self._driver = step_driver().compiled

    def __call__(self, inputs: ArrayLike) -> NDArray[np.float32]:
        """The outputs on one row, or on many.

        Parameters
        ----------
        inputs : [I] one step; or [R, I] rows that are independent of each other and of the state, each from state 0.

        Returns
        -------
        float32 [O], or [R, O]

        Raises
        ------
        ValueError : another shape.
        """
        values = inputs if type(inputs) is np.ndarray else np.asarray(inputs, np.float32)
        if self.scaling is not None:
            values = self.scaling(values)
        if values.shape != self._input_shape:
            return self._rows(values)
        self._inputs[0] = values
        out = np.empty((1, self.num_outputs), np.float32)
        self._driver(*self._arguments, out)
        outputs: NDArray[np.float32] = out[0]
        return outputs

    def reset(self) -> None:
        """Forget the state: the next call is the first of an episode."""
        self._state[:] = 0.0

    def _rows(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.ndim != 2 or values.shape[1] != self.num_inputs:
            inputs = self.num_inputs
            raise ValueError(f"inputs must have shape [{inputs}] or [rows, {inputs}], got {list(values.shape)}")
        outputs: NDArray[np.float32] = forward(self.networks, values)[0]
        return outputs

    def __getstate__(self) -> dict[str, Any]:
        return {"networks": self.networks, "mode": self.mode, "scaling": self.scaling, "state": self._state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.scaling = state["scaling"]
        self._set(state["networks"], state["mode"])
        self._state[:] = state["state"]

    def __repr__(self) -> str:
        nodes, edges = len(self.networks.bias), len(self.networks.weight)
        return (
            f"Network({self.num_inputs} inputs, {self.num_outputs} outputs, {nodes} nodes, {edges} edges, {self.mode})"
        )
