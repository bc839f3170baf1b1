"""Speciate: WHAT evolves, and how it computes. Read in this order:

population      Population: the gene arrays of P genomes; Genome: a view of one
initial         starting populations
functions       activations and aggregations: one table name -> code
networks        Networks: a population compiled to evaluation order
forward         networks on rows of data
network         one champion as a callable
evaluation      Evaluation: what a task says of P networks
scaling         how inputs are scaled; travels with the champion
files, graph    genome files; networkx
check, stored   the rules of genomes; arrays and scalars that may come from anywhere
rng, kernels    counter-based random numbers; what compiles and runs the kernels
each            one function for each of many items, on the CPU or the GPU
"""

from genomes.evaluation import Evaluation
from genomes.networks import Networks, compile_population
from genomes.population import Genome, InvalidGenome, Population

__all__ = ["Evaluation", "Genome", "InvalidGenome", "Networks", "Population", "compile_population"]
