"""`neat replay`"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.commands.common import GivenPath, trusting

if TYPE_CHECKING:
    from experiments.tasks.base import Stage
    from genomes.network import Network

__all__ = ["command"]

FORMATS = (".gif", ".mp4")
MOST_GIF_FRAMES = 25  # a second; viewers slow down those with more


@click.command("replay")
@click.argument("folder", metavar="DIR", type=GivenPath())
@click.option("--out", type=GivenPath(dir_okay=False), metavar="FILE", help="Write a .gif or .mp4.")
@click.option("--episodes", type=click.IntRange(1), default=1, metavar="N", help="Episodes to play (default 1).")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, metavar="N", help="Decides the episodes (default 1)."
)
@trusting
def command(folder: Path, out: Path | None, episodes: int, seed: int, trust: bool) -> int:
    """Watch a run's champion play: in a window, or written to a GIF or MP4."""
    from envs.gym.make import close
    from experiments.commands.common import require_writable
    from experiments.config import read_run_config
    from experiments.errors import BadInput
    from experiments.memory import require_memory
    from experiments.record import require_run
    from experiments.session import load_champion
    from genomes.network import Network

    require_run(folder)
    require_memory([(16 * episodes, {"--episodes": episodes})])
    config = read_run_config(folder, trust)
    if out is None:
        _require_display()
    elif out.suffix.lower() not in FORMATS:
        raise BadInput(f"--out {out}: must end in {' or '.join(FORMATS)}")
    else:
        require_writable(out, "--out")
        _without_window()
    genome, scaling = load_champion(folder, config)
    network = Network(genome, scaling=scaling, **config.neat.computing)
    with _explained(config.task.name):
        stage = config.task.stage("human" if out is None else "rgb_array")
        if stage is None:
            raise BadInput(f"{config.task.name}: has no picture: there is nothing to replay")
        try:
            for text in _show(stage, network, out, episodes, seed):
                print(text, flush=True)
        finally:
            close(stage.env)
    return 0


def _show(stage: Stage, network: Network, out: Path | None, episodes: int, seed: int) -> Iterator[str]:
    """Play the episodes; yields what is to be said."""
    from envs.gym.judge import episode_seeds, play

    fps = float(stage.env.metadata.get("render_fps") or 30)
    with nullcontext() if out is None else _filmed(out, fps) as film:
        look = None if film is None else lambda total: film.add(stage.env.render())
        for k, episode_seed in enumerate(episode_seeds(seed, episodes)):
            total = play(stage.env, network, stage.act, episode_seed, stage.observe, look)
            yield f"Episode {k + 1}: return {total:g}"
    if film is not None:
        yield f"{film.frames} frames in {out}"


@contextmanager
def _filmed(path: Path, fps: float) -> Iterator[_Film]:
    """A film that appears whole or not at all."""
    from experiments.machine import whole

    with whole(path) as file:
        film = _Film(file, fps)
        try:
            yield film
        except BaseException:
            with suppress(Exception):
                film.close()
            raise
        film.close()


class _Film:
    """A GIF or MP4 on its way."""

    def __init__(self, file: Path, fps: float) -> None:
        import imageio.v2 as imageio

        self.frames, self.seen, self.every = 0, 0, 1
        if file.suffix.lower() == ".gif":
            self.every = max(1, round(fps / MOST_GIF_FRAMES))
            self._writer: Any = imageio.get_writer(file, duration=1000 * self.every / fps, loop=0)
        else:
            self._writer = imageio.get_writer(file, fps=fps, macro_block_size=2)

    def add(self, frame: Any) -> None:
        """The next picture [height, width, 3]."""
        if self.seen % self.every == 0:
            self._writer.append_data(frame)
            self.frames += 1
        self.seen += 1

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def _no_display() -> bool:
    return sys.platform.startswith("linux") and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _without_window() -> None:
    """Let pygame and MuJoCo draw where there is no display."""
    if _no_display():
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("MUJOCO_GL", "egl")


def _require_display() -> None:
    from experiments.errors import BadInput

    if _no_display() and not os.environ.get("SDL_VIDEODRIVER"):
        raise BadInput("there is no display to open a window on: `neat replay DIR --out FILE.gif` writes a file")


@contextmanager
def _explained(task: str) -> Iterator[None]:
    """Turns what drawing can meet into one line."""
    from experiments.errors import BadInput, Failure

    try:
        yield
    except (BadInput, Failure, KeyboardInterrupt):
        raise
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ImportError) or "DependencyNotInstalled" in repr(type(error)):
            raise BadInput(f'{text}; replays need the extra "render": pip install "speciate[render]"') from None
        raise Failure(f"{task}: cannot be drawn here: {text}") from error
