"""Checkpoints with wrong contents and right checksums; run as a program, it tries to go on from one after the other.

A process of its own does that: what gets past the checks may end it.
"""

import copy
import hashlib
import io
import json
import random
import sys
from pathlib import Path

import numpy as np

JSON_VALUES = (None, True, -1, 2**70, 1e308, float("nan"), "x", [], {}, "gone")


def read(checkpoint):
    """Arrays and state of a checkpoint's folder."""
    with np.load(checkpoint / "arrays.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads((checkpoint / "state.json").read_text())


def write(checkpoint, arrays, state):
    """Into a checkpoint's folder, with checksums that are right."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    seal(checkpoint, buffer.getvalue(), json.dumps(state).encode())


def seal(checkpoint, data, state=None):
    """The contents of arrays.npz, and of state.json where it is another, with checksums that are right."""
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    for name, content in (("arrays.npz", data), ("state.json", state)):
        if content is not None:
            (checkpoint / name).write_bytes(content)
            manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))


def poisoned_arrays(array, rng):
    """(what is done, the array so changed, whether no run can have it so) for an array."""
    highest = {"b": 2, "u": 255, "i": np.iinfo(array.dtype).max if array.dtype.kind == "i" else 0, "f": np.inf}
    lowest = {"b": 255, "u": 254, "i": -1, "f": np.nan}
    flat = array.ravel()
    yield "other type", array.astype(np.float64 if array.dtype != np.float64 else np.float32), True
    yield "other dimensions", array[None], True
    yield "text", np.full(array.shape, "x"), True
    if len(flat):
        for what, values in (("high", highest), ("low", lowest)):
            poisoned = flat.copy()
            raw = poisoned.view(np.uint8) if array.dtype.kind == "b" else poisoned
            raw[rng.randrange(len(raw))] = values[array.dtype.kind]
            yield what, poisoned.reshape(array.shape), True
        yield "one less", array[:-1], True
        yield "one more", np.concatenate([array, array[-1:]]), True
        yield "nothing", array[:0], True
        yield "zeros", np.zeros_like(array), False
        yield "shuffled", flat[rng.sample(range(len(flat)), len(flat))].reshape(array.shape), False
        poisoned = flat.copy()
        poisoned[rng.randrange(len(flat))] = flat[rng.randrange(len(flat))]
        yield "one as another", poisoned.reshape(array.shape), False


# What a run may have: any number of behaviours that it remembers, none before it, and complexities.
ALLOWED = {
    "archive": ("high", "low", "one less", "one more", "nothing"),
    "phase.history": ("one less", "one more", "nothing"),
    "species.recent": ("low",),
    "progress.recent": ("low",),
}


def leaves(value, path=()):
    """(path, value) of all values in nested dictionaries, and of the dictionaries themselves."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*path, key))


def with_value(state, path, value):
    """The state with another value at a path, or without one."""
    state = copy.deepcopy(state)
    inner = state
    for key in path[:-1]:
        inner = inner[key]
    if value == "gone":
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return state


def cases(arrays, state, rng, only=()):
    """(name, arrays, state, whether no run can have it so); of all values, or of arrays whose names begin as given."""
    for name, array in arrays.items():
        if not only or name.startswith(only):
            yield f"{name} gone", {k: v for k, v in arrays.items() if k != name}, state, name != "archive"
            for what, poisoned, wrong in poisoned_arrays(array, rng):
                changed = name in ALLOWED and what in ALLOWED[name]
                yield f"{name} {what}", arrays | {name: poisoned}, state, wrong and not changed
    yield "unknown array", arrays | {"weights": np.zeros(3)}, state, True
    if only:
        return
    for path, before in leaves(state):
        for value in JSON_VALUES:
            wrong = value in ("gone", [], {}) or (value == 2**70 and not isinstance(before, float))
            wrong |= value == "x" and path != ("config",)
            yield f"state {'.'.join(path)} {value!r}", arrays, with_value(state, path, value), wrong
    for path in ((), ("algorithm",), ("run",), ("champion",), ("functions",)):
        yield f"state {path} more", arrays, with_value(state, (*path, "more"), 1), True


def main(folder, only, seed):
    """Go on from each case, and print a line of JSON: its name, whether it is wrong, what was said or None."""
    from experiments.checkpoint import CheckpointError, last_checkpoint
    from experiments.config import read_config
    from experiments.restore import restore
    from experiments.session import make_run

    checkpoints = sorted((folder / "checkpoints").iterdir())
    arrays, state = read(checkpoints[-1])
    options = {"run.generations": ("", int(checkpoints[-1].name) + 2)}
    config = read_config(folder / "config.toml", options=options)
    run = make_run(config)
    for name, poisoned, other, wrong in cases(arrays, state, random.Random(seed), only):
        print(f"trying {name}", file=sys.stderr, flush=True)
        write(checkpoints[-1], poisoned, other)
        said = None
        try:
            last_checkpoint(folder / "checkpoints", print, lambda checkpoint, run=run: restore(run, checkpoint))
        except CheckpointError as error:
            said = str(error)
            assert run.generations == 0, "a run was changed by a checkpoint that was refused"
        else:
            if not only:
                run.go(lambda *_: None)
            run.task.close()
            run = make_run(config)
        print(json.dumps([name, wrong, said]), flush=True)
    run.task.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[3:]), int(sys.argv[2]))
