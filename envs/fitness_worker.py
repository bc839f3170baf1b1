"""A worker process of `envs.fitness_pool`: reads networks, writes their fitness.

Messages arrive on standard input: the module search path, the function, then one network after the other. Answers leave
on standard output, which is taken out of the function's reach: what it prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genomes.networks import Networks

__all__ = ["main"]


def main() -> None:
    """Serve until the other side is gone."""
    from envs.fitness_pool import receive, send

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's affair
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    try:
        sys.path[:] = json.loads(receive(requests))
        function, problem = _load(receive(requests))
        while True:
            networks = pickle.loads(receive(requests))
            answer = {"error": problem} if problem else _answer(function, networks)
            send(answers, json.dumps(answer).encode())
    except (EOFError, BrokenPipeError):
        os._exit(0)


def _load(message: bytes) -> tuple[Any, str | None]:
    """The function, or why it cannot be had."""
    from genomes.functions import register_activation
    from genomes.kernels.parallel import set_threads

    set_threads(1)
    try:
        function, activations = pickle.loads(message)
        for name, activation in activations:
            register_activation(name, activation)
    except Exception:
        return None, traceback.format_exc()
    return function, None


def _answer(function: Callable[[Any], Any], networks: Networks) -> dict[str, Any]:
    from envs.fitness import fitness_of

    try:
        return {"fitness": fitness_of(function, networks)}
    except (Exception, SystemExit):
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    main()
