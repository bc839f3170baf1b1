"""What changes during a run, and how it is written to arrays and scalars and read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, to_host
from genomes.check import check_population
from genomes.population import CONNECTION_GENES, NODE_GENES, InvalidGenome, Population
from genomes.stored import Stored
from neat.complexity import Phase
from neat.innovations import Innovations
from neat.params import NEATParams
from neat.reproduction import Ranking, best_species

__all__ = ["Arrays", "Progress", "Scalars", "SpeciesTable", "State", "check_genomes"]

Arrays: TypeAlias = dict[str, NDArray[Any]]
Scalars: TypeAlias = dict[str, Any]

MOST_SPECIES = 2**30  # that a run has founded: far below where int32 ends
AVERAGED = 5  # generations over which a best is averaged where episodes change
POPULATION_GENES = ("node_start", *NODE_GENES, "conn_start", *CONNECTION_GENES)


@dataclass(frozen=True, eq=False)
class Progress:
    """When each of S species, or the population as the only row, last set a record."""

    record: NDArray[np.float64]  # [S] -inf where there is none yet
    improved: NDArray[np.int64]  # [S] generation of the record
    recent: NDArray[np.float64]  # [S, AVERAGED] best of the last generations, latest last; NaN before the first

    @classmethod
    def new(cls, rows: int, generation: int) -> Progress:
        """No record yet."""
        nothing = np.full(rows, -np.inf)
        return cls(nothing, np.full(rows, generation, np.int64), np.full((rows, AVERAGED), np.nan))

    def after(self, best: NDArray[np.float64], generation: int, episodes_change: bool) -> Progress:
        """The records after a generation whose ``best`` [S] is given.

        Where episodes change between generations a record is one of the mean of the last five bests; until there are
        five, a row counts as improving.
        """
        recent = np.concatenate((self.recent[:, 1:], best[:, None]), axis=1)
        score = recent.mean(axis=1) if episodes_change else best
        better = (score > self.record) | np.isnan(score)
        record = np.where(score > self.record, score, self.record)
        return Progress(record, np.where(better, generation, self.improved), recent)

    def select(self, rows: NDArray[Any]) -> Progress:
        """These rows."""
        return Progress(self.record[rows], self.improved[rows], self.recent[rows])

    def extended(self, rows: int, generation: int) -> Progress:
        """With so many new rows."""
        new = Progress.new(rows, generation)
        pairs = ((getattr(self, f.name), getattr(new, f.name)) for f in dataclasses.fields(Progress))
        return Progress(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True, eq=False)
class SpeciesTable:
    """S species, in order of age."""

    id: NDArray[np.int32]  # [S] ascending
    created: NDArray[np.int64]  # [S] generation
    progress: Progress  # S rows

    @classmethod
    def empty(cls) -> SpeciesTable:
        """No species."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int64), Progress.new(0, 0))

    def __len__(self) -> int:
        return len(self.id)

    def select(self, rows: NDArray[Any]) -> SpeciesTable:
        """These species, given in ascending order or as a mask."""
        return SpeciesTable(self.id[rows], self.created[rows], self.progress.select(rows))

    def extended(self, rows: int, first_id: int, generation: int) -> SpeciesTable:
        """With so many new species."""
        return SpeciesTable(
            np.concatenate((self.id, np.arange(first_id, first_id + rows, dtype=np.int32))),
            np.concatenate((self.created, np.full(rows, generation, np.int64))),
            self.progress.extended(rows, generation),
        )


@dataclass
class State:
    """All that a run has to remember between generations."""

    seed: int
    generation: int  # of the population, from 0
    population: Population  # P genomes, to be evaluated next
    representatives: Population | None  # S genomes, one for each species of the generation before
    species: SpeciesTable  # S species of the generation before
    next_species: int
    threshold: float
    progress: Progress  # one row, the population's
    phase: Phase
    innovations: Innovations
    done: bool = False
    archive: NDArray[np.float32] | None = None  # [A, B] behaviours; None where there is no novelty search

    @classmethod
    def first(
        cls, population: Population, params: NEATParams, seed: int, generation: int = 0, next_species: int = 0
    ) -> State:
        """The state at the beginning of a run, or when it begins anew."""
        return cls(
            seed=seed,
            generation=generation,
            population=population,
            representatives=None,
            species=SpeciesTable.empty(),
            next_species=next_species,
            threshold=params.compatibility_threshold,
            progress=Progress.new(1, generation),
            phase=dataclasses.replace(Phase.first(params), since=generation),
            innovations=Innovations.of(population),
        )

    def learnt(self, population: Population | None) -> State:
        """This state, its genomes replaced by ``population`` (if any), which may differ in weights and biases only."""
        if population is None:
            return self
        population = population.to(self.population.device)
        for name in POPULATION_GENES:
            before, after = getattr(self.population, name), getattr(population, name)
            if name not in ("weight", "bias") and not (before.shape == after.shape and bool((before == after).all())):
                raise ValueError(f"tell() takes the genomes that ask() gave with other weights: they differ in {name}")
        self.population = population
        return self

    def to(self, device: str) -> State:
        """The same, its genomes and the registry in the memory of "cpu" or "cuda"."""
        there = None if self.representatives is None else self.representatives.to(device)
        population, innovations = self.population.to(device), self.innovations.to(device)
        return dataclasses.replace(self, population=population, representatives=there, innovations=innovations)

    @property
    def mean_connections(self) -> float:
        """Mean number of connection genes of a genome."""
        return len(self.population.innovation) / len(self.population)

    def renew_species(self, species_of: Any, founded: int) -> Any:
        """Enter the new species, drop those without members, and renumber ``species_of`` [P] accordingly."""
        table = self.species.extended(founded, self.next_species, self.generation)
        self.next_species += founded
        xp = arrays_of(self.population.device)
        alive = xp.zeros(len(table), np.bool_)
        alive[species_of] = True
        alive = to_host(alive)
        self.species = table.select(alive)
        row = np.cumsum(alive, dtype=np.int32) - np.int32(1)
        return xp.asarray(row)[species_of]

    @property
    def stagnation(self) -> NDArray[np.int64]:
        """[S] generations since each species improved."""
        return self.generation - self.species.progress.improved

    def judge(self, ranking: Ranking, params: NEATParams, episodes_change: bool) -> bool:
        """Enter records and the phase; returns whether the population had no record for so long that only its two best
        species shall reproduce. These, and the population, then count as improved."""
        # Novelty falls as the archive fills: no species stagnates by it (NaN is no record, and no stagnation).
        best = np.full_like(ranking.best, np.nan) if params.selection == "novelty" else ranking.best
        progress = self.species.progress.after(best, self.generation, episodes_change)
        self.species = dataclasses.replace(self.species, progress=progress)
        self.progress = self.progress.after(best.max(keepdims=True), self.generation, episodes_change)
        self.phase = self.phase.after(self.mean_connections, self.generation, params)
        refocused = 0 < params.population_stagnation <= self.generation - int(self.progress.improved[0])
        if refocused:
            progress.improved[best_species(ranking, 2)] = self.generation
            self.progress.improved[0] = self.generation
        return refocused

    def to_arrays(self) -> tuple[Arrays, Scalars]:
        """Arrays by name, and values that JSON can hold exactly; `from_arrays` is the inverse."""
        if self.population.device != "cpu":
            return self.to("cpu").to_arrays()
        arrays = _population_arrays("population", self.population)
        if self.representatives is not None:
            arrays |= _population_arrays("representatives", self.representatives)
        arrays |= {"species.id": self.species.id, "species.created": self.species.created}
        for name, progress in (("species", self.species.progress), ("progress", self.progress)):
            arrays |= {f"{name}.{key}": value for key, value in vars(progress).items()}
        arrays |= {f"innovations.{key}": value for key, value in self.innovations.arrays().items()}
        if self.archive is not None:
            arrays["archive"] = self.archive
        arrays["phase.history"] = np.array(self.phase.history, np.float64)
        scalars: Scalars = {
            "seed": self.seed,
            "generation": self.generation,
            "num_inputs": self.population.num_inputs,
            "num_outputs": self.population.num_outputs,
            "bias_input": self.population.bias_input,
            "next_species": self.next_species,
            "threshold": self.threshold,
            "done": self.done,
            "phase": {f: getattr(self.phase, f) for f in ("simplifying", "since", "ceiling", "last_mean")},
        }
        return arrays, scalars

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], scalars: Mapping[str, Any], params: NEATParams) -> State:
        """The state of a run with these parameters, of which `to_arrays` gave these. Whatever they hold, no kernel can
        be led astray by it: every rule that a state keeps is checked.

        Raises
        ------
        ValueError : they are no such arrays and scalars; one line that names what is wrong.
        """
        given = Stored(arrays, scalars)
        generation, done = given.integer("generation", 0, 2**32 - 1), given.flag("done")
        shape = _shape_of(given)
        population = _population_of("population", given, shape, params)
        representatives = None
        if "representatives.node_start" in given:
            representatives = _population_of("representatives", given, shape, params)
        next_species = given.integer("next_species", 0, MOST_SPECIES)
        state = cls(
            seed=given.integer("seed", 0, 2**64 - 1),
            generation=generation,
            population=population,
            representatives=representatives,
            species=_species_of(given, generation, next_species),
            next_species=next_species,
            threshold=given.number("threshold", 0.0),
            progress=_progress_of("progress", given, 1, generation),
            phase=_phase_of(given, generation),
            innovations=Innovations.from_arrays(given.beginning("innovations.")),
            done=done,
            archive=_archive_of(given, params),
        )
        given.end()
        founded = 0 if representatives is None else len(representatives)
        if len(state.species) != founded and not done:  # a run that is done has the species of its last generation
            raise ValueError(f"species.id: must be as many as there are representatives, {founded}")
        for genomes in (population, representatives):
            if genomes is not None:
                state.innovations.check(genomes)
        return state


def check_genomes(population: Population, params: NEATParams) -> None:
    """Raise `InvalidGenome` where genomes break a rule of genomes in general, or of those of the mode."""
    check_population(population, feed_forward=params.mode == "feedforward")
    if (len(population.time_constant) > 0) != (params.mode == "ctrnn"):
        has = "have" if len(population.time_constant) else "have no"
        raise InvalidGenome(f"the genomes {has} time constants; mode {params.mode!r} wants it otherwise")


def _population_arrays(name: str, population: Population) -> Arrays:
    return {f"{name}.{genes}": getattr(population, genes) for genes in POPULATION_GENES}


def _shape_of(given: Stored) -> dict[str, Any]:
    """What all genomes have in common."""
    return {
        "num_inputs": given.integer("num_inputs", 0, 2**31 - 1),
        "num_outputs": given.integer("num_outputs", 1, 2**31 - 1),
        "bias_input": given.optional("bias_input"),
    }


def _population_of(name: str, given: Stored, shape: dict[str, Any], params: NEATParams) -> Population:
    types = {"node_start": np.int64, "conn_start": np.int64} | NODE_GENES | CONNECTION_GENES
    genes: dict[str, Any] = {gene: given.array(f"{name}.{gene}", dtype, None) for gene, dtype in types.items()}
    population = Population(**genes, **shape)
    try:
        check_genomes(population, params)
        if not len(population):
            raise InvalidGenome("there must be at least one genome")
    except InvalidGenome as error:
        raise given.fail(name, str(error)) from None
    return population


def _species_of(given: Stored, generation: int, next_species: int) -> SpeciesTable:
    species = given.between("species.id", np.int32, 0, next_species - 1, None)
    if (species[1:] <= species[:-1]).any():
        raise given.fail("species.id", "must ascend")
    created = given.between("species.created", np.int64, 0, generation, len(species))
    return SpeciesTable(species, created, _progress_of("species", given, len(species), generation))


def _progress_of(name: str, given: Stored, rows: int, generation: int) -> Progress:
    record = given.between(f"{name}.record", np.float64, -np.inf, np.finfo(np.float64).max, rows)
    improved = given.between(f"{name}.improved", np.int64, 0, generation, rows)
    recent = given.array(f"{name}.recent", np.float64, rows, AVERAGED)
    if (recent == np.inf).any():
        raise given.fail(f"{name}.recent", "must be below infinity")
    return Progress(record, improved, recent)


def _archive_of(given: Stored, params: NEATParams) -> NDArray[np.float32] | None:
    if params.selection != "novelty" or "archive" not in given:
        return None
    archive = given.array("archive", np.float32, None, None)
    if not archive.shape[1]:
        raise given.fail("archive", "must hold behaviours of one number or more")
    return archive


def _phase_of(given: Stored, generation: int) -> Phase:
    phase = given.within("phase")
    made = Phase(
        simplifying=phase.flag("simplifying"),
        since=phase.integer("since", 0, generation),
        ceiling=phase.number("ceiling", 0.0),
        history=tuple(given.between("phase.history", np.float64, 0.0, np.finfo(np.float64).max, None).tolist()),
        last_mean=phase.number("last_mean", 0.0),
    )
    phase.end()
    return made
