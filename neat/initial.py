"""The first generation, as the parameters say."""

from __future__ import annotations

from genomes.functions import activation_code, aggregation_code
from genomes.initial import initial_population, population_around
from genomes.population import Genome, Population
from neat.params import NEATParams

__all__ = ["first_generation"]

GOLDEN = 0x9E3779B97F4A7C15  # spreads the seeds of restarts


def first_generation(
    params: NEATParams, num_inputs: int, num_outputs: int, seed: int, generation: int = 0, initial: Genome | None = None
) -> Population:
    """P genomes that begin a run, or begin it anew at a later generation.

    Parameters
    ----------
    num_inputs : inputs of the task; where ``params.bias_input`` is set a constant one is appended.
    initial : the first genome, all others being variations of its weights; None: topologies as in ``params.initial``.

    Raises
    ------
    ValueError : ``initial`` has other inputs or outputs, or no time constants where the mode needs them.
    """
    seed = (seed + generation * GOLDEN) % 2**64
    bias_input = params.bias_input or None
    if initial is not None:
        inputs = num_inputs + (bias_input is not None)
        if (initial.num_inputs, initial.num_outputs, initial.bias_input) != (inputs, num_outputs, bias_input):
            raise ValueError(
                f"the initial genome has {initial.num_inputs} inputs, {initial.num_outputs} outputs and bias input "
                f"{initial.bias_input}; needed are {inputs}, {num_outputs} and {bias_input}"
            )
        if (len(initial.time_constant) > 0) != (params.mode == "ctrnn"):
            has = "has" if len(initial.time_constant) else "has no"
            raise ValueError(f"the initial genome {has} time constants; mode {params.mode!r} wants it otherwise")
        bounds = (params.weight_min, params.weight_max)
        power = params.weight_power
        return population_around(initial, params.population, weight_power=power, weight_bounds=bounds, seed=seed)
    time_constants = None
    if params.mode == "ctrnn":
        bounds = (params.time_constant_min, params.time_constant_max)
        time_constants = (params.time_constant_mean, params.time_constant_scale, bounds)
    return initial_population(
        params.population,
        num_inputs,
        num_outputs,
        topology=params.initial,
        fraction=params.initial_fraction,
        layers=params.initial_layers,
        bias_input=bias_input,
        activations=[activation_code(name) for name in params.activations],
        output_activation=activation_code(params.output_activation) if params.output_activation else None,
        aggregations=[aggregation_code(name) for name in params.aggregations],
        weight_init=params.weight_init,
        weight_scale=params.weight_scale,
        weight_bounds=(params.weight_min, params.weight_max),
        bias_init=params.bias_init,
        bias_scale=params.bias_scale,
        bias_bounds=(params.bias_min, params.bias_max),
        time_constants=time_constants,
        seed=seed,
    )
