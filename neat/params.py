"""The parameters of NEAT: every rule that can be set, with its default, its range and where it comes from.

Sources: "paper" is Stanley & Miikkulainen, Evolving Neural Networks through Augmenting Topologies, Evolutionary
Computation 10(2), 2002; "authors' code" is their NEAT C++ 1.2 and its parameter files for XOR and pole balancing.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.functions import activation_code, aggregation_code
from genomes.networks import MODES

__all__ = ["PRESETS", "NEATParams", "ParameterError", "checked", "parameter"]


class ParameterError(ValueError):
    """A parameter has a wrong type, is out of range, or cannot go with another one."""

    def __init__(self, key: str, value: Any, requirement: str) -> None:
        try:
            shown = repr(value)
        except ValueError:  # Python refuses to write a number of thousands of digits
            shown = "a value too long to show"
        super().__init__(f"{key} = {shown}: {requirement}")
        self.key = key
        self.value = value
        self.requirement = requirement


def parameter(
    default: Any,
    doc: str,
    source: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with its documentation, the source of its default, and its allowed values in the metadata."""
    metadata = {"doc": doc, "source": source, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def probability(default: float, doc: str, source: str) -> Any:
    """A parameter between 0 and 1."""
    return parameter(default, doc, source, low=0.0, high=1.0)


OWN_200 = "own: no failure and fewest evaluations in 200 seeds of XOR"


@dataclass(frozen=True)
class NEATParams:
    """Parameters of NEAT, which do not change during a run. Immutable; `dataclasses.replace` makes a variant.

    Raises
    ------
    ParameterError : at the first parameter of a wrong type, out of range, or impossible beside another one.
    """

    # --- the population and its networks
    population: int = parameter(150, "genomes in a generation", "paper 4.1", low=2)
    mode: str = parameter("feedforward", "how networks compute; all but feedforward allow cycles", "own", choices=MODES)
    activations_per_step: int = parameter(1, "recurrent modes: activations on one input", "own", low=1)
    time_step: float = parameter(
        1.0,
        "mode = ctrnn: time between two activations, in the unit of the time constants",
        "own: of 0.1, 0.3 and 1 the one that solves most seeds of double pole balancing without velocities",
        low=0.0,
    )
    bias_input: float = parameter(
        0.0, "value of a constant input with links of its own; 0: nodes have biases instead", "neat-python"
    )

    # --- the first generation
    initial: str = parameter(
        "full",
        "first topology: every input to every output; no links; a random fraction of all links; one random link "
        "(FS-NEAT); full layers of hidden nodes",
        "paper 3.4; fs-neat: Whiteson et al. 2005",
        choices=("full", "unconnected", "fraction", "fs-neat", "layers"),
    )
    initial_fraction: float = probability(0.5, "initial = fraction: probability of each link", "neat-python")
    initial_layers: tuple[int, ...] = parameter(
        (), "initial = layers: sizes of the hidden layers; fraction: its links are between these", "own", low=1
    )

    # --- node functions
    activations: tuple[str, ...] = parameter(("tanh",), "activations that nodes may have, drawn alike", "own")
    output_activation: str = parameter("", "activation of the output nodes; empty: as any node", "own")
    aggregations: tuple[str, ...] = parameter(("sum",), "aggregations that nodes may have, drawn alike", "paper 4.1")
    activation_mutation: float = probability(0.0, "per node: a new activation is drawn", "neat-python")
    aggregation_mutation: float = probability(0.0, "per node: a new aggregation is drawn", "neat-python")

    # --- connection weights
    weight_init: str = parameter(
        "gaussian", "distribution of new weights", "neat-python", choices=("gaussian", "uniform")
    )
    weight_scale: float = parameter(
        2.0, "new weights: standard deviation, or half width when uniform", OWN_200, low=0.0
    )
    weight_replacement_scale: float = parameter(2.0, "the same for weights that a mutation replaces", OWN_200, low=0.0)
    weight_min: float = parameter(-30.0, "lower bound of weights", "neat-python")
    weight_max: float = parameter(30.0, "upper bound of weights", "neat-python")
    weight_mutation: float = probability(0.8, "per genome: its weights mutate", "paper 4.1")
    weight_mutation_rule: str = parameter(
        "constant",
        "constant: every weight is perturbed or replaced with the two probabilities below; severe-or-mild: so does "
        "half of the genomes, in the other half every weight is perturbed, but of a genome of ten or more connections "
        "the youngest fifth is perturbed with 0.5 and replaced with 0.2",
        "paper 4.1; severe-or-mild: authors' code, mutate_link_weights",
        choices=("constant", "severe-or-mild"),
    )
    weight_perturb: float = probability(0.9, "per weight of a mutating genome: it is perturbed", "paper 4.1")
    weight_replace: float = probability(0.1, "per weight of a mutating genome: it is drawn anew", "paper 4.1")
    weight_perturbation: str = parameter(
        "gaussian", "distribution of perturbations", "neat-python", choices=("gaussian", "uniform")
    )
    weight_power: float = parameter(
        0.5, "perturbations: standard deviation, or half width when uniform", "neat-python", low=0.0
    )

    # --- node biases (without a bias input)
    bias_init: str = parameter("gaussian", "distribution of new biases", "neat-python", choices=("gaussian", "uniform"))
    bias_scale: float = parameter(
        1.0, "new biases: standard deviation, or half width when uniform", "neat-python", low=0.0
    )
    bias_min: float = parameter(-30.0, "lower bound of biases", "neat-python")
    bias_max: float = parameter(30.0, "upper bound of biases", "neat-python")
    bias_mutation: float = probability(0.8, "per genome: its biases mutate", "as weight_mutation")
    bias_perturb: float = probability(0.7, "per bias of a mutating genome: it is perturbed", "neat-python")
    bias_replace: float = probability(0.1, "per bias of a mutating genome: it is drawn anew", "neat-python")
    bias_perturbation: str = parameter(
        "gaussian", "distribution of perturbations", "neat-python", choices=("gaussian", "uniform")
    )
    bias_power: float = parameter(
        0.5, "perturbations: standard deviation, or half width when uniform", "neat-python", low=0.0
    )

    # --- time constants of nodes (mode = ctrnn; they take no part in the distance of genomes, as biases do not)
    time_constant_mean: float = parameter(1.0, "mean of new time constants", "neat-python 2.0", low=0.0)
    time_constant_scale: float = parameter(0.5, "their standard deviation", "neat-python 2.0, Lorenz example", low=0.0)
    time_constant_min: float = parameter(0.01, "lower bound of time constants", "neat-python 2.0", low=0.0)
    time_constant_max: float = parameter(5.0, "upper bound", "neat-python 2.0, Lorenz example", low=0.0)
    time_constant_perturb: float = probability(
        0.5, "per time constant: it is perturbed", "neat-python 2.0, Lorenz example"
    )
    time_constant_replace: float = probability(
        0.1, "per time constant: it is drawn anew", "neat-python 2.0, Lorenz example"
    )
    time_constant_power: float = parameter(
        0.1, "standard deviation of perturbations", "neat-python 2.0, Lorenz example", low=0.0
    )

    # --- structural mutation, each per genome
    add_node: float = probability(0.1, "a connection is split by a new node", f"{OWN_200}; paper 4.1: 0.03")
    add_connection: float = probability(
        0.3, "two nodes are connected", "paper 4.1 with population 1,000; 0.05 with 150"
    )
    add_connection_tries: int = parameter(
        20, "random pairs tried before giving up", "authors' code", low=1, high=1_000_000
    )
    delete_node: float = probability(0.0, "a hidden node goes with its connections", "neat-python")
    delete_connection: float = probability(0.0, "a connection goes", "neat-python")
    prune_dangling: bool = parameter(True, "deletions also take hidden nodes left without in- or output", "SharpNEAT")
    toggle_enabled: float = probability(0.0, "a random connection is enabled or disabled", "authors' code: 0 for XOR")
    reenable: float = probability(0.0, "the oldest disabled connection is enabled", "authors' code: 0 for XOR")
    exclusive_mutation: bool = parameter(
        False, "a genome that adds a node mutates in no other way, else one that adds a connection", "authors' code"
    )

    # --- crossover
    mutate_only: float = probability(0.25, "offspring of one parent, mutated", "paper 4.1")
    mate_only: float = probability(0.2, "of the offspring of two parents: not mutated", "authors' code")
    mate_averaging: float = probability(
        0.4, "of the offspring of two parents: matching weights are averaged, not picked", "authors' code"
    )
    interspecies_mating: float = probability(0.001, "of the second parents: champion of another species", "paper 4.1")
    keep_disabled: float = probability(0.75, "a gene disabled in either parent is disabled", "paper 4.1")
    equal_fitness_genes: str = parameter(
        "random",
        "unmatched genes of equally fit parents: each at random, or those of the shorter genome",
        "paper 3.2; shorter: authors' code",
        choices=("random", "shorter"),
    )

    # --- distance and species
    excess_coefficient: float = parameter(1.0, "c1, weight of excess genes", "paper 4.1, equation 1", low=0.0)
    disjoint_coefficient: float = parameter(1.0, "c2, weight of disjoint genes", "paper 4.1, equation 1", low=0.0)
    weight_coefficient: float = parameter(
        0.4, "c3, weight of the mean weight difference", "paper 4.1, equation 1", low=0.0
    )
    small_genome: int = parameter(
        1, "N = 1 where the larger genome has fewer genes; 1: never", f"{OWN_200}; paper 3.3: 20", low=1
    )
    compatibility_threshold: float = parameter(
        1.0, "distance within a species, at first where it follows target_species", "paper 4.1: 3.0 with N = 1", low=0.0
    )
    target_species: int = parameter(
        15,
        "number of species that the threshold follows, at most a tenth of the population; 0: the threshold is fixed",
        f"{OWN_200}; authors' code, pole2",
        low=0,
    )
    threshold_step: float = parameter(
        0.05, "change of the threshold per generation, and its least value", "authors' FAQ: 0.3 with N = 1", low=0.0
    )
    representative: str = parameter(
        "random",
        "of a species: a random member of its previous generation, or the best",
        "paper 3.3; champion: authors' code, where it comes first after sorting",
        choices=("random", "champion"),
    )

    # --- selection and reproduction
    selection: str = parameter(
        "fitness",
        "what genomes are selected by; novelty: how unlike others they behave, whatever their fitness; no species "
        "then stagnates",
        "novelty: Lehman & Stanley 2011",
        choices=("fitness", "novelty"),
    )
    novelty_neighbours: int = parameter(
        15, "nearest behaviours that novelty is the mean distance to", "Lehman & Stanley 2011", low=1
    )
    novelty_archive: float = probability(
        0.03, "per genome: its behaviour is remembered for the rest of the run", "Gomes et al. 2015: 6 of 200"
    )
    survival_threshold: float = probability(0.2, "best fraction of a species that reproduces", "authors' code")
    elitism: int = parameter(1, "best of a species that are copied unchanged", "paper 4.1", low=0)
    elite_min_species_size: int = parameter(
        6, "least size of a species that copies its best", "paper 4.1: more than five", low=1
    )
    max_stagnation: int = parameter(
        15, "generations without improvement until a species may not reproduce", "paper 4.1", low=1
    )
    species_elitism: int = parameter(1, "best species that stagnation never takes", "own", low=0)
    population_stagnation: int = parameter(
        0, "generations without a record until only the two best species reproduce; 0: never", OWN_200, low=0
    )
    allow_negative_fitness: bool = parameter(
        True,
        "shares count from the generation's worst fitness; otherwise from 0, and fitness must not be negative",
        "own",
    )
    extinction: str = parameter(
        "restart",
        "when no species may reproduce: a new first generation, or the end",
        "own",
        choices=("restart", "stop"),
    )

    # --- phases of complexifying and simplifying
    complexity_mode: str = parameter(
        "off",
        "ceiling of the mean number of connections: none, a number, or that much above the last simplification's end",
        "SharpNEAT",
        choices=("off", "absolute", "relative"),
    )
    complexity_ceiling: float = parameter(30.0, "the ceiling", "SharpNEAT", low=0.0)
    simplifying_generations: int = parameter(10, "least length of a simplifying phase", "SharpNEAT", low=1)
    complexity_window: int = parameter(
        10,
        "generations over which falling complexity is averaged; with more, simplifying goes on long after it stalled",
        "SharpNEAT, MeanComplexityHistory: 100",
        low=1,
    )
    simplifying_deletion: float = probability(0.4, "delete_connection while simplifying", "SharpNEAT")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, checked(field, getattr(self, field.name)))
        self._check_combinations()

    @property
    def computing(self) -> dict[str, Any]:
        """How genomes become networks: the keywords of `compile_population` and `Network`."""
        keys = ("mode", "activations_per_step", "time_step")
        return {key: getattr(self, key) for key in keys}

    def _check_combinations(self) -> None:
        for kind in ("weight", "bias", "time_constant"):
            low, high = getattr(self, f"{kind}_min"), getattr(self, f"{kind}_max")
            if not low < high:
                raise ParameterError(f"{kind}_min", low, f"must be below {kind}_max = {high}")
            perturb, replace = getattr(self, f"{kind}_perturb"), getattr(self, f"{kind}_replace")
            if perturb + replace > 1.0 + 1e-9:
                raise ParameterError(
                    f"{kind}_replace", replace, f"with {kind}_perturb = {perturb} it must not exceed 1"
                )
        for key in ("time_step", "time_constant_min"):
            if not getattr(self, key) > 0.0:
                raise ParameterError(key, getattr(self, key), "must be above 0")
        if self.initial == "layers" and not self.initial_layers:
            raise ParameterError("initial_layers", (), 'initial = "layers" needs at least one layer size')
        if self.initial_layers and self.initial not in ("layers", "fraction"):
            raise ParameterError(
                "initial_layers", self.initial_layers, f'needs initial = "layers" or "fraction", not {self.initial!r}'
            )
        if self.mode == "feedforward" and self.activations_per_step != 1:
            requirement = 'must be 1 with mode = "feedforward"'
            raise ParameterError("activations_per_step", self.activations_per_step, requirement)
        if self.target_species and not self.threshold_step:
            raise ParameterError("threshold_step", 0.0, "must be positive when target_species is set")
        _check_names("activations", self.activations, activation_code)
        _check_names("aggregations", self.aggregations, aggregation_code)
        if self.output_activation:
            _check_names("output_activation", (self.output_activation,), activation_code)


def checked(field: dataclasses.Field[Any], value: Any) -> Any:
    """The value in its field's exact type, or a `ParameterError`; the field is one made by `parameter`."""
    kind = str(field.type).removesuffix(" | None")
    if isinstance(value, np.integer | np.floating | np.bool_):
        value = value.item()
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind.startswith("dict"):
        if not isinstance(value, dict):
            raise ParameterError(field.name, value, "must be a table, NAME = value")
        return value
    if kind.startswith("tuple"):
        value = _checked_tuple(field, value)
    elif type(value).__name__ != kind:
        names = {"int": "a whole number", "float": "a number", "str": "a string", "bool": "true or false"}
        hint = f': "{value}"' if kind == "str" and type(value) in (int, float) else ""
        raise ParameterError(field.name, value, f"must be {names[kind]}{hint}")
    choices = field.metadata["choices"]
    if choices and value not in choices:
        nearest = difflib.get_close_matches(value, choices, 1, 0.4)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ParameterError(field.name, value, f"must be one of {', '.join(choices)}{hint}")
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, str):
            _check_range(field, number)
    return value


def _checked_tuple(field: dataclasses.Field[Any], value: Any) -> tuple[Any, ...]:
    item, name = (int, "whole numbers") if "int" in str(field.type) else (str, "strings")
    if not isinstance(value, list | tuple) or any(type(x) is not item for x in value):
        raise ParameterError(field.name, value, f"must be a list of {name}")
    if item is str and not value:
        raise ParameterError(field.name, value, "needs at least one name")
    if item is str and len(set(value)) < len(value):
        raise ParameterError(field.name, value, "names must be distinct")
    return tuple(value)


def _check_range(field: dataclasses.Field[Any], number: float) -> None:
    low, high = field.metadata["low"], field.metadata["high"]
    if not math.isfinite(number):
        raise ParameterError(field.name, number, "must be finite")
    if isinstance(number, int) and high is None and abs(number) >= 2**63:
        raise ParameterError(field.name, number, "must be below 2**63 in size")
    if (low is not None and number < low) or (high is not None and number > high):
        requirement = f"must be at least {low}" if high is None else f"must be between {low} and {high}"
        raise ParameterError(field.name, number, requirement)


def _check_names(key: str, names: tuple[str, ...], code: Any) -> None:
    for name in names:
        try:
            code(name)
        except ValueError as error:
            raise ParameterError(key, name, str(error)) from None


DEFAULT = NEATParams()

NEAT_2002 = dataclasses.replace(
    DEFAULT,
    bias_input=1.0,
    activations=("sigmoid-steep",),
    weight_init="uniform",
    weight_scale=1.0,
    weight_replacement_scale=2.5,
    weight_min=-8.0,
    weight_max=8.0,
    weight_mutation=0.9,
    weight_mutation_rule="severe-or-mild",
    weight_perturb=0.7,
    weight_replace=0.2,
    weight_perturbation="uniform",
    weight_power=2.5,
    add_node=0.03,
    add_connection=0.05,
    exclusive_mutation=True,
    compatibility_threshold=3.0,
    target_species=0,
    threshold_step=0.3,
    population_stagnation=20,
    equal_fitness_genes="shorter",
    small_genome=1_000_000,
    representative="champion",
    species_elitism=1,  # where all stagnate, the code lets all reproduce: none is a reason to end
    allow_negative_fitness=False,
)

# For controllers whose fitness is luck in part (other episodes each generation) and whose many weights must keep what
# they can: few weights change at a time and by little, and a species has time. Tuned on LunarLander-v3.
CONTROL = dataclasses.replace(
    DEFAULT,
    population=200,
    weight_scale=1.0,
    weight_replacement_scale=1.0,
    weight_perturb=0.5,
    weight_replace=0.02,
    weight_power=0.2,
    bias_perturb=0.5,
    bias_replace=0.02,
    bias_power=0.2,
    add_node=0.03,
    add_connection=0.1,
    max_stagnation=100,
)

PRESETS = {"default": DEFAULT, "neat-2002": NEAT_2002, "control": CONTROL}
