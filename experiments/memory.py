"""How much memory settings ask for, reckoned before any is taken, and how much there is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import BadInput

if TYPE_CHECKING:
    from envs.task import Task
    from genomes.population import Genome
    from neat.params import NEATParams

__all__ = ["machine_memory", "require_memory", "require_room"]

Part = tuple[float, Mapping[str, int]]  # bytes, and the settings, by key, that they grow with
NODE, LINK = 13, 30  # bytes of a node and of a connection among the genes


def require_room(params: NEATParams, task: Task, initial: Genome | None = None) -> None:
    """`BadInput` where the first generation, or its evaluation, cannot be held."""
    parts = [_genomes(params, task, initial)]
    for key, size in task.memory(params.population).items():
        value = int(getattr(task, key))
        parts.append((size * value, {f"task.{key}": value}))
    require_memory(parts)


def _genomes(params: NEATParams, task: Task, initial: Genome | None) -> Part:
    """The genes of the first generation, and which genome has which link while that is decided."""
    counts = {"neat.population": params.population}
    if initial is not None:
        each = NODE * len(initial.node_id) + LINK * len(initial.innovation)
        return params.population * each, counts
    counts |= {"task.inputs": task.num_inputs, "task.outputs": task.num_outputs}
    layers = params.initial_layers
    if layers:
        counts["neat.initial_layers"] = sum(layers)
    sizes = (task.num_inputs + (params.bias_input != 0), *layers, task.num_outputs)
    links = sum(a * b for a, b in pairwise(sizes))
    share = {"full": 1.0, "layers": 1.0, "fraction": params.initial_fraction}.get(params.initial, 0.0)
    drawn = 12 if params.initial in ("fraction", "fs-neat") else 0
    return params.population * (NODE * sum(sizes) + links * (1 + drawn + LINK * share)), counts


def require_memory(parts: Sequence[Part]) -> None:
    """`BadInput` where these together need more memory than there is: it names the setting that is to blame."""
    have, need = machine_memory(), sum(size for size, _ in parts)
    if need <= have:
        return
    size, counts = max(parts, key=lambda part: part[0])
    key = max(counts, key=lambda name: counts[name])
    fits = counts[key] * max(0.0, have - (need - size)) / size
    most = max(1, int(float(f"{fits:.1e}")))
    raise BadInput(
        f"{key} = {counts[key]}: needs {_readable(need)} of memory at least, there are {_readable(have)}; "
        f"at most about {most:,} would fit"
    )


def machine_memory() -> float:
    """Bytes that this process can have: of the machine, of its container, by ``ulimit -v``; infinite if unknown."""
    return min(_limits(), default=float("inf"))


def _limits() -> Iterator[float]:
    with suppress(AttributeError, ValueError, OSError):  # not on this system
        yield float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    with suppress(ImportError):
        import resource

        soft = resource.getrlimit(resource.RLIMIT_AS)[0]
        if soft != resource.RLIM_INFINITY:
            yield float(soft)
    yield from _container_limits()


def _container_limits() -> Iterator[float]:
    """Of the control groups that the process is in, and of those around them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        root = Path("/sys/fs/cgroup", "memory" if kinds else "")
        name = "memory.limit_in_bytes" if kinds else "memory.max"
        inner = Path(place.lstrip("/"))
        for folder in (inner, *inner.parents):
            try:
                yield float(int((root / folder / name).read_text()))
            except (OSError, ValueError):  # no such group here; "max": no limit
                continue


def _readable(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:,.3g} TiB" if size < 1000 else f"{size:,.0f} TiB"
