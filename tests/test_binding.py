"""Kernels are rebuilt when anything that they reach changes, and kept on disk otherwise."""

import multiprocessing
import pickle
import subprocess
import sys
import textwrap

import cloudpickle
import numpy as np
import pytest

from genomes.kernels.binding import Kernel, kernel
from genomes.kernels.parallel import get_threads, parallel_for, set_threads

FACTOR = np.float32(2.0)


def scale(x):
    return x * FACTOR


def triple(x):
    return x * np.float32(3.0)


@kernel
def apply_scale(begin, end, x, y):
    for i in range(begin, end):
        y[i] = scale(x[i])


def run(some_kernel):
    x, y = np.arange(4, dtype=np.float32), np.zeros(4, np.float32)
    parallel_for(some_kernel, 4, x, y)
    return y.tolist()


def test_bind_replaces_a_helper():
    assert run(apply_scale) == [0, 2, 4, 6]
    assert run(apply_scale.bind(scale=triple)) == [0, 3, 6, 9]
    assert run(apply_scale) == [0, 2, 4, 6]
    assert apply_scale.bind(scale=triple) is apply_scale.bind(scale=triple)


def test_bind_replaces_a_constant_inside_a_helper():
    assert run(apply_scale.bind(FACTOR=np.float32(5.0))) == [0, 5, 10, 15]


def test_closures_differ_by_what_they_close_over():
    def times(factor):
        def scale(x):
            return x * factor

        return scale

    kernels = [apply_scale.bind(scale=times(np.float32(f))) for f in (7, 8)]
    assert kernels[0].digest != kernels[1].digest
    assert [run(k)[1] for k in kernels] == [7, 8]


def test_functions_sent_from_another_process_have_no_file():
    sent = pickle.loads(cloudpickle.dumps(lambda x: x + np.float32(0.25)))
    sent.__code__ = sent.__code__.replace(co_filename="<dynamic-code>")  # as cloudpickle 3.1.3 does
    assert Kernel(sent)(np.float32(1.0)) == 1.25


def test_modules_of_helpers_are_refused():
    def scale(x):
        return sys.getsizeof(x)

    with pytest.raises(TypeError, match="refers to the module 'sys'"):
        run(apply_scale.bind(scale=scale))


def test_recursion_is_refused():
    with pytest.raises(TypeError, match="calls itself"):
        run(Kernel(endless_driver))


def endless(x):
    return endless(x)


def endless_driver(begin, end, x, y):
    y[0] = endless(x[0])


SCRIPT = """
    import numpy as np
    from genomes.kernels.binding import kernel
    def helper(x):
        return x + np.float32({constant})
    @kernel
    def driver(x):
        for i in range(len(x)):
            x[i] = helper(x[i])
    x = np.zeros(2, np.float32)
    driver(x)
    stats = driver.compiled.stats
    print(x[0], sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_the_disk_cache_follows_the_contents(tmp_path):
    """An edited constant in a helper compiles anew; the former version is still there afterwards."""
    script = tmp_path / "script.py"
    seen = []
    for constant in (1.5, 1.5, 2.5):
        script.write_text(textwrap.dedent(SCRIPT.format(constant=constant)))
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, cwd=tmp_path)
        seen.append(done.stdout.split())
    assert seen == [["1.5", "0", "1"], ["1.5", "1", "0"], ["2.5", "0", "1"]]


def test_threads_divide_the_work_and_show_errors():
    before = get_threads()
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            spans = []
            parallel_for(lambda a, b, seen: seen.append((a, b)), 1000, spans)
            covered = sorted(i for a, b in spans for i in range(a, b))
            assert covered == list(range(1000)) and (threads == 1) == (len(spans) == 1)
            with pytest.raises(ZeroDivisionError):
                parallel_for(lambda a, b: 1 // 0, 1000)
    finally:
        set_threads(before)
    with pytest.raises(ValueError, match="at least 1"):
        set_threads(0)


def _child(queue):
    queue.put(run(apply_scale))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kernels_survive_a_fork():
    run(apply_scale)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,))
    child.start()
    assert queue.get(timeout=60) == [0, 2, 4, 6]
    child.join()
