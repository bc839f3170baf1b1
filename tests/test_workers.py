"""Worker processes: one that cannot begin, what crosses to them by name, and Ctrl-C."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from envs.fitness import FitnessError, FitnessTask
from envs.gym.task import GymTask
from envs.workers import WorkerError, alone
from experiments import evolve
from experiments.cli import _run
from genomes.functions import register_activation
from genomes.initial import initial_population
from genomes.network import Network
from genomes.networks import compile_population
from tests import gym_worlds as worlds
from tests.run_cases import env, neat, still_runs

pytestmark = pytest.mark.slow  # real processes, many of them

KEY = (1, 0)


def networks(genomes=5, seed=1, activation="tanh"):
    from genomes.functions import activation_code

    return compile_population(initial_population(genomes, 2, 1, seed=seed, activations=(activation_code(activation),)))


def first_output(network):
    return float(network([1.0, 0.5])[0])


@pytest.mark.parametrize(
    ("interpreter", "said"),
    [("/no/such/python", "cannot be started: /no/such/python: No such file"), ("/bin/false", "exit code 1")],
)
def test_a_worker_that_cannot_begin_is_no_genomes_fault(interpreter, said, monkeypatch):
    monkeypatch.setattr(sys, "executable", interpreter)
    for task in (
        FitnessTask(first_output, 2, 1, workers=2, on_error="worst"),
        GymTask(worlds.Line, workers=2, on_error="worst"),
    ):
        with pytest.raises(WorkerError, match=said):
            task.evaluate(networks(), KEY)
        task.close()
    with pytest.raises(WorkerError, match=said):
        alone(lambda mark: 1)
    with pytest.raises(WorkerError, match=said):
        evolve(first_output, num_inputs=2, num_outputs=1, on_error="worst", quiet=True)


def test_an_environment_that_no_worker_can_try(monkeypatch, capsys):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    monkeypatch.setattr("experiments.tasks.gym._TRIED", {})
    assert _run(["run", "FrozenLake-v1"]) == 3
    said = capsys.readouterr().err
    assert "FrozenLake-v1: a worker process cannot be started: /no/such/python" in said and said.count("\n") == 1


def test_no_descriptor_is_left_for_a_worker():
    code = """
    import os, resource
    from envs.fitness import FitnessTask
    from envs.workers import WorkerError
    from tests.test_workers import KEY, first_output, networks
    nets = networks()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 3, most))
    try:
        FitnessTask(first_output, 2, 1, workers=2, on_error="worst").evaluate(nets, KEY)
    except WorkerError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=env(), capture_output=True, text=True)
    assert "cannot be started: Too many open files" in done.stdout, done.stderr


def test_the_command_says_so_in_a_line(tmp_path):
    (tmp_path / "mine.py").write_text("import sys\nsys.executable = '/no/python'\ndef fitness(network): return 1.0\n")
    (tmp_path / "mine.toml").write_text('[task]\nname = "mine:fitness"\ninputs = 2\noutputs = 1\n')
    done = neat("run", "mine.toml", "--quiet", "--set", "run.on_error=worst", cwd=tmp_path, code=3)
    assert "a worker process cannot be started: /no/python" in done.stderr and done.stderr.count("\n") == 1


def test_activations_mean_the_same_in_workers_whatever_is_registered_there(tmp_path):
    (tmp_path / "helper.py").write_text(
        textwrap.dedent(
            """
            from genomes.functions import register_activation
            register_activation("times-thousand", lambda x: -1000.0 * x)
            def fitness(network): return float(network([1.0, 0.5])[0])
            """
        )
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            from genomes.functions import register_activation
            register_activation("half", lambda x: 0.5 * x)
            from helper import fitness
            from experiments import evolve
            few = dict(num_inputs=2, num_outputs=1, generations=2, population=20, quiet=True)
            for workers in (0, 2):
                found = evolve(fitness, activations=("half",), workers=workers, **few)
                print([row.best for row in found.history])
            """
        )
    )
    done = subprocess.run([sys.executable, "script.py"], env=env(), capture_output=True, text=True, cwd=tmp_path)
    one, other = done.stdout.splitlines()
    assert one == other, done.stderr


def test_an_activation_that_is_registered_when_the_workers_run_already():
    task = FitnessTask(first_output, 2, 1, workers=1)
    task.evaluate(networks(), KEY)
    try:
        for factor in (3.0, 5.0):  # a new one; another function of the same name
            register_activation("late", _times(factor))
            nets = networks(activation="late")
            expected = [first_output(Network.of(nets.part(p, p + 1))) for p in range(len(nets))]
            np.testing.assert_array_equal(task.evaluate(nets, KEY).fitness, expected)
    finally:
        task.close()


def _times(factor):
    return lambda x: factor * x


def test_pickles_hold_own_activations_by_name(tmp_path):
    register_activation("doubled", _times(2.0))
    nets = networks(activation="doubled")
    population = initial_population(3, 2, 1, seed=1)
    codes = np.where(population.node_id >= 2, nets.activation[0], 0).astype(np.uint8)
    object.__setattr__(population, "activation", codes)
    genome = population.genome(0)
    network = Network(genome)
    (tmp_path / "things").write_bytes(pickle.dumps((nets, population, genome, network)))
    (tmp_path / "expected").write_text(repr([first_output(Network.of(nets.part(0, 1))), first_output(network)]))
    code = """
    import pickle
    from genomes.functions import register_activation
    from genomes.network import Network
    things = open("things", "rb").read()
    try:
        pickle.loads(things)
    except ValueError as error:
        print(error)
    register_activation("other", lambda x: x * x * x)
    register_activation("doubled", lambda x: 2.0 * x)
    nets, population, genome, network = pickle.loads(things)
    values = [float(n([1.0, 0.5])[0]) for n in (Network.of(nets.part(0, 1)), Network(population.genome(0)),
              Network(genome), network)]
    print([values[0], values[1]] == eval(open("expected").read()), values[1] == values[2] == values[3])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env(), capture_output=True, text=True, cwd=tmp_path
    )
    message, values = done.stdout.splitlines()
    assert "'doubled' is not registered in this process" in message and values == "True True", done.stderr


def test_a_task_that_was_interrupted_can_be_used_again(tmp_path):
    hangs, begun = tmp_path / "hangs", tmp_path / "begun"

    def slow(network):
        begun.touch()
        while hangs.exists():
            time.sleep(0.01)
        return float(network([1.0, 0.5])[0])

    def interrupt():
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    task = FitnessTask(slow, 2, 1, workers=1)
    hangs.touch()
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        task.evaluate(networks(seed=1), KEY)
    interrupter.join()
    assert not task._pool.processes
    hangs.unlink()
    nets = networks(seed=2)
    found = task.evaluate(nets, KEY).fitness
    task.close()
    np.testing.assert_array_equal(found, FitnessTask(first_output, 2, 1, workers=0).evaluate(nets, KEY).fitness)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_hang_shows_who_hangs_and_ctrl_c_ends_it(workers, tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys, time\n"
        "from experiments import evolve\n"
        f"evolve(lambda network: time.sleep(600), num_inputs=2, num_outputs=1, workers={workers})\n"
    )
    process = subprocess.Popen(
        [sys.executable, "script.py"], env=env(), stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    said = ""
    while "has run for" not in said:
        said = process.stderr.readline()
        assert said, process.wait()
    assert said.startswith("generation 0: 0 of 150 genomes judged; genome 0 has run for ")
    worker = int(said.rpartition("process ")[2].rstrip(")\n")) if workers else process.pid
    assert still_runs(worker) and (worker != process.pid) == bool(workers)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT and rest.rstrip().endswith("KeyboardInterrupt"), rest
    assert not still_runs(worker)


def test_a_function_that_cannot_be_sent_is_named():
    lock = threading.Lock()

    def guarded(network):
        with lock:
            return 1.0

    with pytest.raises(FitnessError, match=r"guarded cannot be sent .* variable 'lock' .*workers=0 calls it in this"):
        FitnessTask(guarded, 2, 1, workers=1).evaluate(networks(), KEY)
    assert FitnessTask(guarded, 2, 1, workers=0).evaluate(networks(), KEY).fitness[0] == 1.0
    with pytest.raises(FitnessError, match=r"the factory .*make cannot be sent .*'lock'"):
        GymTask(_factory(lock), workers=1).evaluate(networks(), KEY)


def _factory(lock):
    def make():
        with lock:
            return worlds.Line()

    return make


def test_fitness_that_is_no_finite_number_is_explained():
    task = FitnessTask(lambda network: float("nan"), 2, 1, workers=0)
    task.evaluate(networks(2), KEY)
    assert task.errors == ["genome 0: its fitness is nan", "genome 1: its fitness is nan"]
