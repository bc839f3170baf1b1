"""The worker processes of benchmarks and of the study."""

import subprocess
import sys
import time

from tests.run_cases import still_runs

CODE = """
import os, time
from experiments.bench.harness import processes
if __name__ == "__main__":
    with processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def test_they_end_with_a_parent_that_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    assert still_runs(worker)
    parent.kill()
    parent.wait()
    while still_runs(worker):
        time.sleep(0.01)
