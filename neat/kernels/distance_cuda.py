"""New species on the GPU."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np
from numba import int64

from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel
from neat.kernels.distance import NO_SPECIES, first_fit

__all__ = ["found"]


@cuda_kernel
def found(
    candidates, conn_start, innovation, weight, row_of, table, sums, coefficients, small_genome, threshold, lane,
    founders, count
):  # fmt: skip
    """Genomes that no species takes, in order, as one block: the first founds a species, all that are near enough join
    it, the first of the others founds the next, until all have one or there are as many as ``founders`` has room for.

    ``lane`` [candidates] is NO_SPECIES at first, ``row_of`` [innovations] 0; ``table`` [genes of a genome + 1, 1] has
    an absent gene in its first row; ``sums`` [2, threads] is scratch.
    """
    thread, threads, size = cuda.threadIdx.x, cuda.blockDim.x, candidates.shape[0]
    first = cuda.shared.array(1, int64)
    if thread == 0:
        first[0] = 0
    for species in range(founders.shape[0]):
        if thread == 0:
            while first[0] < size and lane[first[0]] != NO_SPECIES:
                first[0] += 1
            if first[0] < size:
                founders[species] = candidates[first[0]]
                count[0] = species + 1
        cuda.syncthreads()
        if first[0] == size:
            break
        founder = candidates[first[0]]
        begin, end = conn_start[founder], conn_start[founder + 1]
        for e in range(begin + thread, end, threads):
            row_of[innovation[e]] = e - begin + 1
            table[e - begin + 1, 0] = weight[e]
        cuda.syncthreads()
        for i in range(thread, size, threads):
            p = candidates[i]
            if i == first[0]:
                lane[i] = species
            elif lane[i] == NO_SPECIES:
                near = first_fit(
                    conn_start[p], conn_start[p + 1], innovation, weight, founders[species : species + 1], conn_start,
                    innovation, row_of, table, coefficients, small_genome, threshold, sums[0, thread : thread + 1],
                    sums[1, thread : thread + 1],
                )  # fmt: skip
                if near != NO_SPECIES:
                    lane[i] = np.int32(species)
        cuda.syncthreads()
        for e in range(begin + thread, end, threads):
            row_of[innovation[e]] = 0
        cuda.syncthreads()
