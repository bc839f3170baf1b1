"""Speciate: HOW networks evolve. Read in this order:

algorithm       NEAT: ask and tell, the whole story
params          every rule that can be set, with its source
state           what changes from generation to generation
speciation      which genome belongs to which species
reproduction    who reproduces, how often, and with whom
breeding        crossover and mutation of all offspring
innovations     historical markings
complexity      phases of complexifying and simplifying
report          what became of a generation
*_cuda          what is done otherwise where genomes are in the memory of a GPU
"""

from neat.algorithm import NEAT
from neat.params import PRESETS, NEATParams, ParameterError
from neat.report import GenerationReport

__all__ = ["NEAT", "PRESETS", "GenerationReport", "NEATParams", "ParameterError"]
