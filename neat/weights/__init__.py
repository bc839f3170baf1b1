"""Speciate: training the weights of a fixed topology. Read `steps` for the gradient methods."""

from neat.weights.steps import Adam, adam_step, sgd_step

__all__ = ["Adam", "adam_step", "sgd_step"]
