"""The GPU where there is none: clear errors, kernels as PTX. Their results: `tests.cuda`."""

import dataclasses
import random
from importlib.util import find_spec

import numpy as np
import pytest

import genomes.population as population_module
from envs.native import NATIVE_ENVS
from experiments.bench.control import networks_of, random_links
from experiments.bench.forward import random_networks
from genomes import backend
from genomes.evaluation import Evaluation
from genomes.networks import compile_population
from neat import NEAT, NEATParams
from tests import reference
from tests.breeding_cases import CONTINUOUS

needs_numba_cuda = pytest.mark.skipif(find_spec("numba_cuda") is None, reason="needs numba-cuda")
# Fitness is float64 on both devices: it is compared, and added up in the order of the CPU.
OF_EVOLUTION = {
    "draw_mating": {"ld.global.f64", "setp.eq.f64", "setp.gt.f64"},
    "sum_rows": {"add.f64", "ld.global.f64", "ld.shared.f64", "mov.f64", "st.global.f64", "st.shared.f64"},
}
SUMS = ["add.f64", "cvt.f64.f32", "mov.f64", "st.global.f64"]  # threads are added up in float64, once a tile


def test_cuda_without_a_gpu_is_one_clear_error(no_gpu):
    population = reference.random_population(random.Random(1), 2)
    for ask in (lambda: compile_population(population, device="cuda"), lambda: NEAT(NEATParams(), 3, 2, device="cuda")):
        with pytest.raises(backend.DeviceError, match="device 'cuda': no usable CUDA GPU was found"):
            ask()
    with pytest.raises(ValueError, match="in the memory of 'cpu' or 'cuda', got 'auto'"):
        NEAT(NEATParams(), 3, 2, device="auto")


def test_evolve_without_a_gpu_says_so_before_there_is_a_folder(tmp_path, no_gpu):
    pytest.importorskip("click")
    from experiments import evolve

    with pytest.raises(backend.DeviceError, match="device 'cuda': no usable CUDA GPU was found"):
        evolve(len, num_inputs=2, num_outputs=1, device="cuda", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_missing_packages_are_named_with_their_extra(monkeypatch):
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    monkeypatch.setattr(backend, "simulated", lambda: False)
    problem = backend.cuda_problem.__wrapped__()
    assert problem == "numba-cuda and cupy missing: install the extra gpu, pip install 'speciate[gpu]'"


def test_auto_takes_the_cpu_for_small_work_and_without_a_gpu(monkeypatch, no_gpu):
    assert not backend.on_gpu("auto", 1e12, 10**6) and not backend.on_gpu("cpu", 1e12, 10**6)
    monkeypatch.setattr(backend, "cuda_problem", lambda: None)
    assert (
        backend.on_gpu("auto", 1e12, 10**6) and backend.on_gpu("cuda", 1, 1) and not backend.on_gpu("cpu", 1e12, 10**6)
    )
    assert not backend.on_gpu("auto", 1e6, 10**6) and not backend.on_gpu("auto", 1e12, 100)


@pytest.mark.parametrize(("genomes", "rows", "chosen"), [(1000, 20_000, True), (1000, 2_000, False), (1, 4_000, False)])
def test_auto_goes_by_the_rows_and_the_networks(monkeypatch, genomes, rows, chosen):
    """Losses by the work of a pass, gradients by three."""
    from envs import measuring
    from envs.rows import Rows

    asked = []
    monkeypatch.setattr(backend, "cuda_problem", lambda: None)
    monkeypatch.setattr(measuring, "on_gpu", lambda *given: asked.append(backend.on_gpu(*given)) or asked[-1])
    networks = dataclasses.replace(random_networks(genomes=genomes), device="auto")
    data = Rows(np.zeros((rows, 8), np.float32), np.zeros((rows, 4), np.float32))
    measuring._on_gpu(networks, data, None, 1)
    measuring._on_gpu(networks, data, np.zeros((genomes, rows // 20), np.int64), 1)
    assert asked == [chosen, False]


@pytest.mark.parametrize(
    ("genomes", "steps", "chosen"), [(4096, 20_000, True), (4096, 100, False), (100, 10**6, False)]
)
def test_auto_goes_by_the_episodes_and_their_steps(monkeypatch, genomes, steps, chosen):
    from envs import native_env, rollout

    env = dataclasses.replace(native_env("CartPole-v1"), max_steps=steps)
    links = random_links(np.random.default_rng(1), env.num_inputs, env.num_outputs)
    networks = networks_of([links] * genomes, env.num_inputs, env.num_outputs, np.random.default_rng(1))
    played = []
    monkeypatch.setattr(backend, "cuda_problem", lambda: None)
    monkeypatch.setattr(rollout, "_play_on_gpu", lambda *given: played.append("cuda"))
    monkeypatch.setattr(rollout, "play_in_lanes", lambda *given: played.append("cpu"))
    monkeypatch.setattr(rollout, "play_alone", lambda *given: None)
    rollout.rollout(env, dataclasses.replace(networks, device="auto"), np.zeros((1, env.num_states), np.float32))
    assert played == ["cuda" if chosen else "cpu"]


@needs_numba_cuda
def test_kernels_compile_to_ptx(monkeypatch):
    """For sm_90, without float64 but for the sums of threads. One kernel has all functions, for the others one is
    enough."""
    from tests.cuda import ptx
    from tests.supervised_cases import data, networks

    with ptx.captured(monkeypatch) as found:
        from envs import measuring_cuda, native_env, rollout_cuda
        from envs.losses import find_measure
        from envs.rows import Rows
        from genomes import dense_cuda, forward_cuda
        from genomes.dense import MLP

        nets = networks(3, num_outputs=3)
        forward_cuda.forward_on_device(nets, backend.to_device(np.zeros((3, 5), np.float32)))
        for module in (measuring_cuda, rollout_cuda, forward_cuda, dense_cuda):
            monkeypatch.setattr(module, "activation_rows_switch", lambda rows: ptx.tanh_rows)
        monkeypatch.setattr(measuring_cuda, "activation_slopes_switch", lambda rows: ptx.tanh_rows)
        for classes, name in ((0, "mse"), (3, "cross-entropy")):
            rows = measuring_cuda.Data(Rows(*data(9, 3, classes)), 3)
            measuring_cuda.totals_on_device(nets, rows, find_measure(name))
            measuring_cuda.gradient_sums_on_device(nets, rows, find_measure(name))
        for env_id in ("CartPole-v1", "MazeMedium-v0"):
            env = native_env(env_id)
            shape = dict(num_inputs=env.num_inputs, num_outputs=env.num_outputs)
            players = compile_population(reference.random_population(random.Random(1), 3, **shape))
            starts = backend.to_device(np.zeros((2, env.num_states), np.float32))
            rollout_cuda.play_on_device(env, players, starts, env.score is not None)
        forward_cuda.forward_each_on_gpu(nets, np.zeros((3, 3), np.float32), np.zeros(len(nets.bias), np.float32))
        net = MLP((3, 5, 2))
        dense_cuda.outputs_on_gpu(net, net.first()[None], np.zeros((4, 3), np.float32), False)
    for kernel, text in found:
        name = kernel.__name__
        allowed = SUMS if name in ("loss_columns", "gradient_columns") else []
        assert ".target sm_90" in text and set(ptx.doubles(text)) <= set(allowed), name
        in_columns = name.endswith("_columns")
        assert ("\tst.shared.f32" in text) == in_columns, f"{name}: columns are not known to be in shared memory"
        assert "\tst.f32" not in text, f"{name}: memory of a kind that is not known"
    assert sorted(kernel.__name__ for kernel, _ in found) == [
        "activate_values", "each_columns", "fill_slices", "forward_columns", "gradient_columns", "gradient_columns",
        "loss_columns", "loss_columns", "play_columns", "play_columns",
    ]  # fmt: skip


@needs_numba_cuda
@pytest.mark.parametrize("env_id", [name for name in NATIVE_ENVS if name not in ("CartPole-v1", "MazeMedium-v0")])
def test_every_other_environment_compiles_to_ptx(env_id, monkeypatch):
    """Without float64. Columns are in global memory, as of networks that are too large for any other."""
    from envs import native_env, rollout_cuda
    from genomes.kernels import columns_cuda
    from tests.cuda import ptx

    monkeypatch.setattr(columns_cuda, "_SHARED", 0)
    monkeypatch.setattr(rollout_cuda, "activation_rows_switch", lambda rows: ptx.tanh_rows)
    env, rng = native_env(env_id), np.random.default_rng(1)
    networks = networks_of([random_links(rng, env.num_inputs, env.num_outputs)], env.num_inputs, env.num_outputs, rng)
    with ptx.captured(monkeypatch) as found:
        starts = backend.to_device(np.zeros((2, env.num_states), np.float32))
        rollout_cuda.play_on_device(env, networks, starts, env.score is not None)
    (text,) = (text for kernel, text in found if kernel.__name__ == "play_columns")
    assert not ptx.doubles(text) and "st.shared" not in text


@needs_numba_cuda
@pytest.mark.filterwarnings("ignore:overflow")
def test_networks_on_the_device_do_what_others_do(monkeypatch):
    """Python runs the kernels, and what stands in for CuPy takes no arrays of the host. Also in parts, as many do."""
    from envs import measuring_cuda, native_env
    from envs.measuring import gradients, measure
    from envs.rollout import rollout, starting_states
    from envs.rows import Rows
    from genomes import forward_cuda
    from genomes.forward import forward, forward_each
    from genomes.kernels import columns_cuda
    from tests.cuda import ptx
    from tests.supervised_cases import data

    monkeypatch.setattr(population_module, "check_device", lambda device: None)
    monkeypatch.setattr(columns_cuda, "_SHARED", 0)
    X, y, weight = data(9, 1, 2)
    rows, index = Rows(X, y, weight), np.random.default_rng(1).integers(9, size=(5, 4))
    env = dataclasses.replace(native_env("CartPole-v1"), max_steps=3)
    starts = starting_states(env, (1, 1), 200, 2)
    works = [
        lambda nets: forward(nets, X),
        lambda nets: forward_each(nets, X[:5]),
        lambda nets: measure(nets, rows, "cross-entropy", 2, index),
        lambda nets: measure(nets, rows, "auc", 2),
        lambda nets: np.concatenate(gradients(nets, rows, "cross-entropy", 2, index)),
    ]
    pop = reference.random_population(random.Random(1), 5, num_outputs=1, activations=(2,))
    players = reference.random_population(random.Random(1), 3, num_inputs=4, num_outputs=1, activations=(2,))
    expected = [work(compile_population(pop)) for work in works]
    with ptx.captured(monkeypatch, running=True, compiling=False):
        for parts in (False, True):
            if parts:
                monkeypatch.setattr(forward_cuda, "_OUTPUTS", 18)
                monkeypatch.setattr(measuring_cuda, "_SUMS", 1)
            for work, wanted in zip(works, expected, strict=True):
                np.testing.assert_allclose(work(compile_population(pop.to("cuda"))), wanted, rtol=1e-3, atol=1e-5)
        found = rollout(env, compile_population(players.to("cuda")), starts).steps
    np.testing.assert_array_equal(found, rollout(env, compile_population(players), starts).steps)


@needs_numba_cuda
def test_kernels_of_evolution_compile_to_ptx(monkeypatch):
    """With every kind of mutation and of crossover. No thread has arrays of its own, and no product may be fused with a
    sum, be it here or by the assembler, so that weights are the CPU's to the last bit."""
    from tests.cuda import ptx

    monkeypatch.setattr(population_module, "check_device", lambda device: None)
    with ptx.captured(monkeypatch, running=True) as found:
        every = dict(population=9, compatibility_threshold=3.0, equal_fitness_genes="random")
        params = dataclasses.replace(CONTINUOUS, **every)
        algorithm, cpu = NEAT(params, 3, 2, device="cuda"), NEAT(params, 3, 2)
        for _ in range(3):
            compile_population(algorithm.ask(), "ctrnn")
            cpu.ask()
            algorithm.tell(Evaluation.of(np.ones(9)))
            cpu.tell(Evaluation.of(np.ones(9)))
        compile_population(reference.random_population(random.Random(1), 3).to("cuda"))
    for name, array in cpu.state_dict()[0].items():
        np.testing.assert_array_equal(algorithm.state_dict()[0][name], array, err_msg=name)
    names = []
    for kernel, text in found:
        names.append(kernel.bindings["item"].__name__ if "item" in kernel.bindings else kernel.__name__)
        assert ".target sm_90" in text and set(ptx.doubles(text)) <= OF_EVOLUTION.get(names[-1], set()), names[-1]
        assert ".local" not in text and "fma." not in text and "mul.f32" not in text, names[-1]
    assert sorted(names) == [
        "build", "delete_genes", "draw_mating", "emit", "fill_table", "found", "join", "localise", "look_up",
        "mutate_rarely", "order_feedforward", "order_recurrent", "place", "plan", "propose", "sum_rows",
        "unite_parents",
    ]  # fmt: skip
