"""Small runs in real processes, for the tests of the command."""

import os
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Never solved, so that a run has a known length; episodes change with the generation.
ENDLESS = """
[task]
name = "CartPole-v1"
episodes = 2
validation_episodes = 3
target = 1e9

[neat]
population = 60

[run]
name = "endless"
generations = 12
checkpoint_seconds = 0.0
"""


def neat(*arguments, cwd, code=0, timeout=120, own_code_fails=False):
    """Run the command; its output."""
    done = subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=timeout, env=env())
    assert code is None or done.returncode == code, (
        f"exit code {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    )
    assert "Traceback" not in done.stderr or own_code_fails or code == 3, done.stderr
    return done


def command(*arguments):
    return [sys.executable, "-m", "experiments.cli", *map(str, arguments)]


def env():
    return os.environ | {"PYTHONPATH": str(ROOT)}


def outcome(folder):
    """What a run decided: everything in its folder but times."""
    metrics = [line.split(",")[:10] for line in (folder / "metrics.csv").read_text().splitlines()]
    return metrics, (folder / "species.csv").read_bytes(), (folder / "champion.json").read_bytes()


def still_runs(process):
    """Whether it does; one that has ended may wait for somebody to ask how."""
    try:
        return Path("/proc", str(process), "stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def read_pipe(path):
    """Make a pipe; the thread that reads it once, and the list that gets what it read."""
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()), daemon=True)
    reader.start()
    return reader, read


def child(code, *arguments, cwd, limit=None):
    """Run Python code; with files of at most ``limit`` bytes, as if the disk were full."""

    def restrict():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    call = [command()[0], "-c", code, *map(str, arguments)]
    restricted = {} if limit is None else {"preexec_fn": restrict}
    return subprocess.run(call, cwd=cwd, env=env(), capture_output=True, text=True, timeout=120, **restricted)


def newest(run):
    """The name of the last checkpoint; on a slow machine there may be others."""
    return max(p.name for p in (run / "checkpoints").iterdir())


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
