"""The worker processes of benchmarks and of the study."""

import subprocess
import sys
import time
from pathlib import Path

CODE = """
import os, time
from experiments.bench.harness import processes
if __name__ == "__main__":
    with processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def runs(process):
    """Whether it does; one that has ended may wait for somebody to ask how."""
    try:
        return Path("/proc", str(process), "stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_they_end_with_a_parent_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    assert runs(worker)
    parent.kill()
    parent.wait()
    while runs(worker):
        time.sleep(0.01)
