"""A worker process of `envs.workers`: reads requests, writes answers.

Messages arrive on standard input: the module search path, the work, then for each request two, the user's activation
functions where these have changed, else nothing, and the request. Answers leave on standard output, which is taken out
of the work's reach: what it prints goes to standard error. The first of them, when all of ours is imported, is empty.
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


def main(board: str, place: str) -> NoReturn:
    """Serve until the other side is gone; the arguments say where this process's mark is."""
    from envs.mark import Board
    from genomes.kernels.parallel import set_threads

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's affair
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    mark = Board.inherited(board, int(place))
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    sys.path[:] = json.loads(inbox.get())
    set_threads(1)
    _answer_with(answers, b"")
    work, problem = _load(inbox.get())
    while True:
        table, request = inbox.get(), inbox.get()
        problem = problem or _register(table)
        answer = {"error": problem} if problem else _answer(work, request, mark)
        mark.end()
        _answer_with(answers, pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _answer_with(answers: IO[bytes], message: bytes) -> None:
    """Send a message; the process ends where the other side is gone."""
    from envs.workers import send

    try:
        send(answers, message)
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
    try:
        return pickle.loads(message), None
    except Exception:
        return None, traceback.format_exc()


def _register(table: bytes) -> str | None:
    """Make the user's activations known, also where importing the work has registered others; why they cannot be."""
    from genomes.functions import register_activation

    try:
        for name, function, derivative in pickle.loads(table) if table else ():
            register_activation(name, function, derivative)
    except Exception:
        return traceback.format_exc()
    return None


def _answer(work: Callable[[Any, Any], Any], request: bytes, mark: Any) -> dict[str, Any]:
    try:
        return {"value": work(pickle.loads(request), mark)}
    except BaseException:  # Ctrl-C is the parent's affair: what arrives here is the work's own
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    main(*sys.argv[1:])
