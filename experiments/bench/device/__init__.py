"""The parts of the benchmark `experiments.bench.gpu`."""
