"""Training the weights of fixed networks by any method of `neat.weights`.

Read `problem` (what a method is given), `loop` (ask, judge, tell), then `graph` (a genome's network on any task),
`champion` (`neat refine`) and `within` (inside NEAT).
"""
