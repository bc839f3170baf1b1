"""The Deep GA (Such et al. 2017, arXiv:1712.06567), with safe mutations (Lehman et al. 2018, GECCO)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, SearchError, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["DeepGA", "DeepGAParams", "DeepGAState"]

INDEX_BITS, SCALE_BITS = 24, 8  # of a gene: generation | index | scale
MIDDLE = 1 << (SCALE_BITS - 1)  # the code of scale 1
QUARTERS = 4  # scales are powers of 2^(1/4)


@dataclass(frozen=True)
class DeepGAParams(MethodParams):
    """Parameters of `DeepGA`."""

    population: int = parameter(1000, "candidates of a generation", "Such et al., table 2", low=2, high=2**INDEX_BITS)
    parents: int = parameter(20, "T, best candidates that reproduce, all alike", "Such et al., table 2", low=1)
    sigma: float = parameter(0.002, "σ, mutation power", "Such et al., table 2: Atari", low=0.0)
    spread: float = parameter(0.0, "of the first generation, start + this · scale · noise; 0: none", "own", low=0.0)
    elite_candidates: int = parameter(10, "best candidates tried again as elite", "Such et al., algorithm 1", low=1)
    elite_episodes: int = parameter(
        0, "evaluations of each of them in a generation of its own; 0: none", "Such et al.: 30 for noisy tasks", low=0
    )
    safe: str = parameter(
        "none", "mutations: as they are; divided by the outputs' sensitivity (SM-G); rescaled by a line search (SM-R)",
        "Lehman et al. 2018, section 3", choices=("none", "gradient", "rescale"),
    )  # fmt: skip
    divergence: float = parameter(
        0.1, "SM-R: root mean square change of the outputs that each mutation is scaled to", "own", low=1e-12
    )
    least_sensitivity: float = parameter(1e-3, "SM-G: floor of the sensitivities", "own", low=1e-12)


@dataclass(kw_only=True, eq=False)
class DeepGAState(MethodState):
    """T parents, as chains of integers."""

    start: Vector  # [D]
    scale: Vector  # [D] or [1] of the first generation's noise
    genes: NDArray[np.int64]  # the parents' chains, one after another; empty before the first generation
    chain_start: NDArray[np.int64]  # [T+1]
    trial: bool = False  # this generation tries the best candidates again: genes are theirs


class DeepGA(Method[DeepGAParams, DeepGAState]):
    """Truncation selection and mutation alone; a genome is the list of integers that its noise was drawn with.

    The first integer draws θ⁰ = start + spread·scale·ε(τ₀); each further one θⁿ = θⁿ⁻¹ + σ·ε(τ_n) (equation 1). Genomes
    of millions of weights are kept as these lists, and `decode` gives the same bits as the candidate had. Candidate 0
    is the elite, unchanged. With ``elite_episodes`` every second generation evaluates the best ``elite_candidates``
    again, so many times each, and the best mean becomes the elite.

    Parameters
    ----------
    scale : [D] or a number, of the first generation's noise: see ``params.spread``.
    sensitivity : for ``safe="gradient"``: weights [D] -> sensitivity [D] of the outputs to each; each mutation is
        divided by it. It must be a pure function, since decoding calls it for every ancestor.
    outputs : for ``safe="rescale"``: weights [D] -> outputs on some inputs; each mutation is rescaled by a line search,
        its scale being part of the gene, until the outputs change by about ``params.divergence``.

    Raises
    ------
    ValueError : the function that ``params.safe`` needs is not given.
    """

    params_type, state_type = DeepGAParams, DeepGAState

    def __init__(
        self,
        start: ArrayLike,
        params: DeepGAParams | None = None,
        *,
        scale: ArrayLike = 1.0,
        sensitivity: Callable[[Vector], NDArray[Any]] | None = None,
        outputs: Callable[[Vector], NDArray[Any]] | None = None,
        **common: Any,
    ) -> None:
        self._scale = np.atleast_1d(np.asarray(scale, np.float64))
        if self._scale.shape not in ((1,), (np.size(start),)):
            raise ValueError(f"scale has shape {self._scale.shape}, must be a number or ({np.size(start)},)")
        self.sensitivity, self.outputs = sensitivity, outputs
        super().__init__(start, params, **common)
        needed = {"gradient": sensitivity, "rescale": outputs}.get(self.params.safe, True)
        if needed is None:
            name = "sensitivity" if self.params.safe == "gradient" else "outputs"
            raise ValueError(f'safe = "{self.params.safe}" needs the function {name}')

    sensitivity: Callable[[Vector], NDArray[Any]] | None = None  # set it again after `restore`
    outputs: Callable[[Vector], NDArray[Any]] | None = None
    _decoded: tuple[int, NDArray[np.floating]] | None = None  # generation, parents [T, D]

    def _first(self, start: Vector, seed: int) -> DeepGAState:
        empty = np.zeros(0, np.int64)
        scale = self._scale.astype(start.dtype)
        return DeepGAState(
            seed=seed, best=start, start=start.copy(), scale=scale, genes=empty, chain_start=np.zeros(1, np.int64)
        )

    @property
    def population(self) -> int:
        state, params = self.state, self.params
        return (len(state.chain_start) - 1) * params.elite_episodes if state.trial else params.population

    @property
    def chains(self) -> list[list[int]]:
        """The parents' genomes, the elite first; `decode` makes weights of them."""
        cuts = self.state.chain_start[1:-1]
        return [part.tolist() for part in np.split(self.state.genes, cuts)] if len(self.state.genes) else []

    @property
    def solution(self) -> Vector:
        return self._parents()[0].astype(self.dtype) if len(self.state.genes) else self.state.best.astype(self.dtype)

    def decode(self, chain: Sequence[int]) -> Vector:
        """[D] The weights of a genome, in the state's dtype, bit for bit as the candidate was."""
        weights = self._mutate(self.state.start[None], np.array([0]), np.array(chain[:1], np.int64), first=True)
        for gene in chain[1:]:
            weights = self._mutate(weights, np.array([0]), np.array([gene], np.int64))
        return np.asarray(weights[0])

    # --- candidates

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        if self.state.trial:
            return self._parents()[np.arange(begin, end) // self.params.elite_episodes]
        rows = np.arange(begin, end)
        if not len(self.state.genes):
            return self._mutate(self.state.start[None], np.zeros_like(rows), self._fresh_genes(rows), first=True)
        parents, which = self._parents(), self._parent_of(rows)
        block = np.empty((len(rows), self.size), parents.dtype)
        elite = rows == 0
        block[elite] = parents[0]
        if not elite.all():
            genes = self._scaled_genes(rows[~elite], which[~elite])
            block[~elite] = self._mutate(parents, which[~elite], genes)
        return block

    def _parent_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        count = len(self.state.chain_start) - 1
        drawn = noise.uniforms(self.key, noise.PARENTS, rows, 1, np.float64)[:, 0]
        return np.minimum((drawn * count).astype(np.int64), count - 1)

    def _fresh_genes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(generation, index): no other mutation of the run has this gene."""
        return (((self.generation << INDEX_BITS) | rows) << SCALE_BITS) | MIDDLE

    def _mutate(
        self, parents: NDArray[np.floating], which: NDArray[np.int64], genes: NDArray[np.int64], first: bool = False
    ) -> NDArray[np.floating]:
        """``parents[which] + factor·ε(gene)`` [n, D]."""
        index = (genes >> SCALE_BITS) & ((1 << INDEX_BITS) - 1)
        generation = genes >> (SCALE_BITS + INDEX_BITS)
        factor = 2.0 ** (((genes & (2 * MIDDLE - 1)) - MIDDLE) / QUARTERS)
        keyed: dict[str, Any] = {"key": self.key, "generation": generation}
        if first:
            return noise.perturbed(parents, which, self.params.spread, index, scale=self.state.scale, **keyed)
        if self.params.safe != "gradient":
            return noise.perturbed(parents, which, self.params.sigma * factor, index, **keyed)
        block = np.empty((len(genes), self.size), parents.dtype)
        for parent in np.unique(which):
            own = which == parent
            scale = self._safe_scale(parents[parent])
            keyed["generation"] = generation[own]
            block[own] = noise.perturbed(
                parents[parent][None], 0, self.params.sigma * factor[own], index[own], scale=scale, **keyed
            )
        return block

    def _safe_scale(self, parent: Vector) -> Vector:
        assert self.sensitivity is not None
        sensitivity = np.asarray(self.sensitivity(parent), parent.dtype)
        if sensitivity.shape != (self.size,):
            raise ValueError(f"sensitivity must give {self.size} values, got shape {sensitivity.shape}")
        if not np.isfinite(sensitivity).all():
            raise SearchError(f"generation {self.generation}: the sensitivities of a parent are not finite")
        return np.asarray(1 / np.maximum(np.abs(sensitivity), self.params.least_sensitivity), parent.dtype)

    def _scaled_genes(self, rows: NDArray[np.int64], which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Genes of these candidates; with SM-R the largest scale whose change of the outputs is within bounds."""
        genes = self._fresh_genes(rows)
        if self.params.safe != "rescale":
            return genes
        assert self.outputs is not None
        parents = self._parents()
        before = {int(p): np.asarray(self.outputs(parents[p]), np.float64) for p in np.unique(which)}
        for i, parent in enumerate(which):
            low, high = 0, 2 * MIDDLE - 1  # bisection over the codes: the change grows with the scale, nearly always
            while low < high:
                code = (low + high + 1) // 2
                gene = np.array([genes[i] - MIDDLE + code])
                child = self._mutate(parents[parent][None], np.array([0]), gene)[0]
                change = np.asarray(self.outputs(child), np.float64) - before[int(parent)]
                within = np.sqrt((change**2).mean()) <= self.params.divergence  # False where not finite
                low, high = (code, high) if within else (low, code - 1)
            genes[i] += low - MIDDLE
        return genes

    def _parents(self) -> NDArray[np.floating]:
        """[T, D] The parents' weights, decoded once a generation."""
        if self._decoded is None or self._decoded[0] != self.generation:
            self._decoded = self.generation, np.stack([self.decode(chain) for chain in self.chains])
        return self._decoded[1]

    # --- selection

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        if state.trial:
            self._elect(fitness.reshape(-1, params.elite_episodes).mean(axis=1))
            return
        order = best_first(fitness)
        order = order[: min(params.parents, int(np.isfinite(fitness).sum()))]
        chains, weights = self._genomes(order), self._block_of(order)
        self._keep(chains, weights)
        state.trial = params.elite_episodes > 0

    def _genomes(self, rows: NDArray[np.int64]) -> list[list[int]]:
        """Chains of these candidates."""
        if not len(self.state.genes):
            return [[int(gene)] for gene in self._fresh_genes(rows)]
        parents, which = self.chains, self._parent_of(rows)
        genes = self._scaled_genes(rows, which)
        return [
            parents[0] if row == 0 else [*parents[p], int(gene)]
            for row, p, gene in zip(rows, which, genes, strict=True)
        ]

    def _block_of(self, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        return np.concatenate([self._block(int(row), int(row) + 1) for row in rows])

    def _keep(self, chains: list[list[int]], weights: NDArray[np.floating]) -> None:
        self.state.genes = np.array([gene for chain in chains for gene in chain], np.int64)
        self.state.chain_start = np.cumsum([0, *map(len, chains)]).astype(np.int64)
        self._decoded = self.generation + 1, weights

    def _elect(self, means: Fitness) -> None:
        """The candidate of the best mean comes first; ties and those beyond ``elite_candidates`` stay in order."""
        chains, weights = self.chains, self._parents()
        elite = int(np.argmax(means[: self.params.elite_candidates]))
        order = [elite, *(i for i in range(len(chains)) if i != elite)]
        self.state.trial = False
        self._keep([chains[i] for i in order], weights[order])
