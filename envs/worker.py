"""A worker process of `envs.workers`: reads requests, writes answers.

Messages arrive on standard input: the module search path, the work, then one request after the other. Answers leave
on standard output, which is taken out of the work's reach: what it prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue
from typing import IO, Any, NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Serve until the other side is gone."""
    from envs.workers import send

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's affair
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    sys.path[:] = json.loads(inbox.get())
    work, problem = _load(inbox.get())
    while True:
        request = inbox.get()
        answer = {"error": problem} if problem else _answer(work, request)
        try:
            send(answers, pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
        except BrokenPipeError:
            os._exit(0)


def _listen(requests: IO[bytes], inbox: SimpleQueue[bytes]) -> None:
    """Take requests in as they come; when the other side is gone the process ends at once, whatever it is at."""
    from envs.workers import receive

    try:
        while True:
            inbox.put(receive(requests))
    except (EOFError, OSError):
        os._exit(0)


def _load(message: bytes) -> tuple[Any, str | None]:
    """The work, or why it cannot be had."""
    from genomes.functions import register_activation
    from genomes.kernels.parallel import set_threads

    set_threads(1)
    try:
        work, activations = pickle.loads(message)
        for name, activation in activations:
            register_activation(name, activation)
    except Exception:
        return None, traceback.format_exc()
    return work, None


def _answer(work: Callable[[Any], Any], request: bytes) -> dict[str, Any]:
    try:
        return {"value": work(pickle.loads(request))}
    except BaseException:  # Ctrl-C is the parent's affair: what arrives here is the work's own
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    main()
