"""Populations, the checker, genome files, graphs, starting populations."""

import dataclasses
import json
import random
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.check import check_genome
from genomes.files import GenomeFileError, load_genome, load_scaling, save_genome, writing
from genomes.functions import ACTIVATIONS, AGGREGATIONS
from genomes.graph import from_networkx, layered_layout
from genomes.initial import initial_population, population_around
from genomes.population import InvalidGenome, Population
from genomes.scaling import Scaling
from tests.reference import random_genome, random_population
from tests.run_cases import env, read_pipe

FUNCTIONS = dict(activations=tuple(ACTIVATIONS.values()), aggregations=tuple(AGGREGATIONS.values()))


@pytest.fixture
def genome():
    return random_genome(random.Random(7), num_hidden=6, **FUNCTIONS)


def test_select_and_of_copy_genes():
    population = random_population(random.Random(1), 20, **FUNCTIONS)
    chosen = population.select([3, 3, 19, 0])
    chosen.check(feed_forward=True)
    for p, q in enumerate([3, 3, 19, 0]):
        assert chosen.genome(p).equals(population.genome(q))
    again = Population.of(population)
    assert all(a.equals(b) for a, b in zip(again, population, strict=True))
    assert population.genome(-1).equals(population.genome(19))
    with pytest.raises(IndexError):
        population.genome(20)


def test_genomes_of_one_population_agree_in_shape():
    rng = random.Random(2)
    with pytest.raises(ValueError, match="must agree"):
        Population.of([random_genome(rng, num_inputs=2), random_genome(rng, num_inputs=3)])
    with pytest.raises(ValueError, match="at least one"):
        Population.of([])


BREAKS = {
    "ids must ascend": lambda g: g.node_id.__setitem__(slice(-2, None), g.node_id[-1]),
    "bias must be finite": lambda g: g.bias.__setitem__(-1, np.nan),
    "unknown activation code": lambda g: g.activation.__setitem__(-1, 255),
    "unknown aggregation code": lambda g: g.aggregation.__setitem__(-1, 255),
    "an input has bias 0": lambda g: g.bias.__setitem__(0, 1),
    "innovation numbers must ascend": lambda g: g.innovation.__setitem__(1, g.innovation[0]),
    "both ends must be nodes": lambda g: g.source.__setitem__(0, 999),
    "an input cannot be a target": lambda g: g.target.__setitem__(0, 0),
    "weight must be finite": lambda g: g.weight.__setitem__(0, np.inf),
    "must be there": lambda g: g.node_id.__setitem__(0, -1),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_checker_names_the_rule(genome, rule):
    check_genome(genome, feed_forward=True)
    BREAKS[rule](genome)
    with pytest.raises(InvalidGenome, match=rule):
        check_genome(genome)


def test_checker_of_time_constants(genome):
    rng = random.Random(7)
    for wrong in (0.0, -1.0, np.inf, np.nan):
        timed = random_genome(rng, time_constants=True)
        check_genome(timed)
        timed.time_constant[-1] = wrong
        with pytest.raises(InvalidGenome, match=f"node {timed.node_id[-1]}: a time constant must be positive"):
            check_genome(timed)
    timed = random_genome(rng, time_constants=True)
    timed.time_constant[0] = 1.0
    with pytest.raises(InvalidGenome, match="an input has time constant 0"):
        check_genome(timed)
    with pytest.raises(InvalidGenome, match="have a time constant or none has, got 2"):
        check_genome(dataclasses.replace(genome, time_constant=np.ones(2, np.float32)))
    with pytest.raises(ValueError, match="must agree"):
        Population.of([random_genome(rng), random_genome(rng, time_constants=True)])


def test_time_constants_of_a_file_are_all_there(tmp_path):
    path = tmp_path / "g.json"
    save_genome(random_genome(random.Random(7), time_constants=True), path)
    document = json.loads(path.read_text())
    del document["nodes"][1]["time_constant"]
    path.write_text(json.dumps(document))
    with pytest.raises(GenomeFileError, match='g.json: "time_constant" is missing in'):
        load_genome(path)


def test_a_file_replaces_what_a_link_leads_to_and_is_written_into_a_pipe(tmp_path):
    genome = random_genome(random.Random(7))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.json").symlink_to("elsewhere/g.json")
    reader, read = read_pipe(tmp_path / "pipe")
    for name in ("link.json", "pipe"):
        save_genome(genome, tmp_path / name)
    reader.join(10)
    assert (tmp_path / "link.json").is_symlink() and (tmp_path / "pipe").is_fifo()
    assert read == [(tmp_path / "elsewhere" / "g.json").read_text()]


def test_a_file_that_cannot_be_written_whole_leaves_the_one_before(tmp_path):
    path = tmp_path / "g.json"
    path.write_text("before")
    with pytest.raises(RuntimeError), writing(path) as file:
        file.write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["g.json"] and path.read_text() == "before"


def test_checker_names_genome_and_gene():
    population = random_population(random.Random(3), 5)
    population.weight[population.conn_start[3]] = np.nan
    gene = population.innovation[population.conn_start[3]]
    with pytest.raises(InvalidGenome, match=f"genome 3, connection {gene} .*weight must be finite"):
        population.check()


def test_checker_finds_cycles_of_disabled_genes():
    genome = random_genome(random.Random(4), num_hidden=4, recurrent=True, density=1.0)
    genome.enabled[:] = False
    check_genome(genome)
    with pytest.raises(InvalidGenome, match="no cycle, disabled genes included"):
        check_genome(genome, feed_forward=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([None, 1.0, 0.1]), st.booleans(), st.booleans())
def test_files_and_graphs_give_back_every_bit(tmp_path_factory, seed, bias_input, recurrent, timed):
    rng = random.Random(seed)
    shape = dict(bias_input=bias_input, recurrent=recurrent, time_constants=timed)
    genome = random_genome(rng, num_hidden=rng.randint(0, 9), **shape, **FUNCTIONS)
    genome.weight[:] = np.random.default_rng(seed).integers(0, 2**31, len(genome.weight), np.uint32).view(np.float32)
    genome.weight[~np.isfinite(genome.weight)] = -0.0
    path = tmp_path_factory.mktemp("genome") / "g.json"
    inputs = genome.num_inputs - (bias_input is not None)
    scaling = Scaling(*np.random.default_rng(seed).normal(size=(2, inputs)).astype(np.float32), limit=3.0)
    save_genome(genome, path, scaling)
    assert load_genome(path).equals(genome)
    read = load_scaling(path)
    assert (read.shift == scaling.shift).all() and (read.scale == scaling.scale).all() and read.limit == 3.0
    graph = genome.to_networkx()
    assert from_networkx(graph).equals(genome)
    shuffled = nx.DiGraph(graph.subgraph(rng.sample(list(graph), len(graph))))
    assert from_networkx(shuffled).equals(genome)


def test_graph_attributes(genome):
    graph = genome.to_networkx()
    assert {d["kind"] for _, d in graph.nodes(data=True)} == {"input", "output", "hidden"}
    assert graph.number_of_edges() == len(genome.innovation)
    assert set(next(iter(graph.edges(data=True)))[2]) == {"innovation", "weight", "enabled"}


@pytest.mark.parametrize("recurrent", [False, True])
def test_layout_goes_from_inputs_to_outputs(recurrent):
    genome = random_genome(random.Random(5), num_hidden=8, recurrent=recurrent)
    place = layered_layout(genome)
    assert len(set(place.values())) == len(place) == len(genome.node_id)
    assert all(place[n][0] == 0.0 for n in range(3)) and all(place[n][0] == 1.0 for n in (3, 4))
    if not recurrent:
        hidden = set(genome.node_id.tolist()) - set(range(5))
        for s, t in zip(genome.source.tolist(), genome.target.tolist(), strict=True):
            assert not {s, t} <= hidden or place[s][0] < place[t][0]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_genome_files_are_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("genome") / "g.json"
    genome = random_genome(random.Random(1), num_hidden=2)
    save_genome(genome, path)
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 2))]
    else:
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    try:
        check_genome(load_genome(path))  # a changed digit is another genome, and a valid one
    except GenomeFileError as error:
        assert str(path) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 2, "this release reads version 1"),
        ("format", "other", "is no genome file"),
        ("inputs", True, '"inputs" is True, must be an integer'),
        ("inputs", 2**31 - 1, '"inputs" is 2147483647, must be an integer from 0 to 10000000'),
        ("outputs", 0, "must be an integer from 1"),
        ("outputs", 2**31 - 1, "ids 0 to 2147483649 must be there"),
        ("nodes", 3, "must be a list of objects"),
        ("bias_input", "x", "must be a finite 32-bit number"),
        ("bias_input", "x" * 10**6, r'"bias_input" is .x{76}\.\.\., must be a finite 32-bit number$'),
        ("connections", [{}], '"innovation" is missing'),
    ],
)
def test_genome_file_errors_name_key_and_value(tmp_path, genome, key, value, message):
    path = tmp_path / "g.json"
    save_genome(genome, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(GenomeFileError, match=message):
        load_genome(path)


def test_huge_ids_and_numbers_of_a_file_are_fine(tmp_path, genome):
    high, last = 2**31 - 1, genome.node_id[-1]
    for array in (genome.node_id, genome.source, genome.target):
        array[array == last] = high
    genome.innovation[-1] = high
    save_genome(genome, tmp_path / "g.json")
    assert load_genome(tmp_path / "g.json").equals(genome)


def test_a_file_that_claims_many_inputs_takes_little_memory(tmp_path):
    """As much as there is room for is read; with no room there is one line."""
    path = tmp_path / "g.json"
    node = '{"id": 10000000, "bias": 0.0, "activation": "identity", "aggregation": "sum"}'
    path.write_text(
        '{"format": "speciate-genome", "version": 1, "inputs": 10000000, "outputs": 1, "connections": [], '
        f'"nodes": [{node}]}}'
    )
    code = (
        "import resource, sys\n"
        "from genomes.files import GenomeFileError, load_genome\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20,) * 2)\n"
        "try:\n"
        "    print(load_genome(sys.argv[1]).num_inputs)\n"
        "except GenomeFileError as error:\n"
        "    print(error)\n"
    )
    for megabytes, expected in ((1500, "10000000"), (60, f"{path}: needs more memory than there is")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(megabytes)], capture_output=True, text=True, env=env()
        )
        assert done.stdout == f"{expected}\n", done.stderr


def test_initial_topologies():
    make = dict(num_inputs=3, num_outputs=2, bias_scale=1.0, seed=5)
    full = initial_population(7, **make)
    assert [len(g.innovation) for g in full] == [6] * 7 and len(np.unique(full.weight)) == 42
    assert not full.bias.reshape(7, 5)[:, :3].any() and full.bias.reshape(7, 5)[:, 3:].all()
    assert [len(g.innovation) for g in initial_population(3, topology="unconnected", **make)] == [0] * 3
    third = initial_population(50, topology="fraction", fraction=1 / 3, **make)
    assert [len(g.innovation) for g in third] == [2] * 50 and set(third.innovation.tolist()) == set(range(6))
    single = initial_population(50, topology="fs-neat", bias_input=1.0, **make)
    assert [len(g.innovation) for g in single] == [1] * 50 and set(single.source.tolist()) == {0, 1, 2}
    layered = initial_population(2, topology="layers", layers=(4, 3), **make)
    assert [len(g.innovation) for g in layered] == [3 * 4 + 4 * 3 + 3 * 2] * 2
    sparse = initial_population(50, topology="fraction", fraction=0.25, layers=(4, 3), **make)
    assert [len(g.innovation) for g in sparse] == [round(0.25 * 30)] * 50 and len(np.unique(sparse.innovation)) == 30
    for population in (full, third, single, layered, sparse):
        population.check(feed_forward=True)
        links = {}
        for number, s, t in zip(population.innovation, population.source, population.target, strict=True):
            assert links.setdefault(int(number), (int(s), int(t))) == (s, t)


def test_initial_options():
    population = initial_population(
        30, 2, 2, activations=(1, 2), output_activation=0, aggregations=(0, 1), topology="layers", layers=(3,),
        weight_init="uniform", weight_scale=2.0, bias_input=0.5, bias_scale=1.0,
    )  # fmt: skip
    population.check(feed_forward=True)
    hidden, outputs = population.node_id >= 5, (population.node_id >= 3) & (population.node_id < 5)
    assert set(population.activation[hidden].tolist()) == {1, 2} and not population.activation[outputs].any()
    assert set(population.aggregation[hidden].tolist()) == {0, 1}
    assert not population.bias.any() and 1.8 < np.abs(population.weight).max() <= 2.0
    with pytest.raises(ValueError, match="topology must be one of"):
        initial_population(1, 1, 1, topology="ring")


def test_starting_numbers_depend_on_seed_and_genome_alone():
    a = initial_population(10, 3, 2, seed=1)
    b = initial_population(20, 3, 2, seed=1)
    c = initial_population(10, 3, 2, seed=2)
    assert all(a.genome(p).equals(b.genome(p)) for p in range(10)) and not a.genome(0).equals(c.genome(0))


def test_population_around_a_genome(genome):
    population = population_around(genome, 5, weight_power=0.1, weight_bounds=(-1.0, 1.0))
    assert population.genome(0).equals(genome)
    others = population.select(range(1, 5)).weight.reshape(4, -1)
    clipped = np.clip(genome.weight, -1, 1)
    assert np.abs(others).max() <= 1.0 and 0 < np.abs(others - clipped).max() < 0.6
