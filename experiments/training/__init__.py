"""Training the weights of fixed networks by any method of `neat.weights`.

Read `problem` (what a method is given), `loop` (ask, judge, tell), `graph` (a genome's network on any task) with
`refinement` and `folder` (`neat refine`) and `within` (inside NEAT); then `data` and `train` (dense nets and torch
modules on data; `presets` for `neat train`).
"""
