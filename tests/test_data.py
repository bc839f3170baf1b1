"""Runs on data: settings, the delivered champion, the test split, learning within a generation."""

import json

import numpy as np
import pytest

from envs.supervised import Rows, measure
from experiments.cli import main
from experiments.config import load_config, read_config
from experiments.data import Data, class_weights, in_target_units, r2
from experiments.errors import BadInput
from experiments.learning import Descent
from experiments.session import load_champion
from experiments.tasks.dataset import DatasetSettings
from genomes.functions import aggregation_code
from genomes.initial import initial_population
from genomes.network import Network
from genomes.networks import compile_population
from genomes.scaling import Scaling

SMALL = "\n[neat]\npopulation = 20\n[run]\ngenerations = 5\n"


def table(tmp_path, rows=120, numbers=False, name="mine.csv"):
    """Two features; the class depends on the first one, the number on both."""
    X = np.random.default_rng(5).normal(100, 20, (rows, 2))
    target = 1000 + 3 * X[:, 0] - X[:, 1] if numbers else np.where(X[:, 0] > 100, "high", "low")
    lines = ["a,b,out", *(f"{a},{b},{t}" for (a, b), t in zip(X, target, strict=True))]
    (tmp_path / name).write_text("\n".join(lines))


def config_of(tmp_path, text="", more=SMALL):
    path = tmp_path / "mine.toml"
    path.write_text('[task]\nname = "data"\npath = "mine.csv"\n' + text + more)
    return path


def refused(tmp_path, text="", more=SMALL):
    with pytest.raises(BadInput) as caught:
        config = read_config(config_of(tmp_path, text, more))
        config.task.prepare()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('column = "c"', ["mine.csv", "no column 'c'", "a, b, out"]),
        ('objective = "mse"', ["mse", "classes"]),
        ('kind = "numbers"', ["mine.csv", "'the target'"]),
        ('objective = "cross-entropi"', ["task.objective", "cross-entropy"]),
        ('score = "r2"', ["r2", "numbers"]),
        ('objective = "absent_module:f"', ["task.objective", "no module"]),
        ("validation = 0.6\ntest = 0.4", ["task.validation", "rows to train on"]),
        ("test = -0.1", ["task.test", "at least 0"]),
        ('class_weights = "high=x"', ["task.class_weights", "high, low"]),
        ('class_weights = "higher=2"', ["task.class_weights", "high, low"]),
        ('gradient_steps = 3\nreadout = "ridge"', ["task.readout", "gradient_steps = 0"]),
        ('gradient_steps = 3\nobjective = "f1"', ["task.gradient_steps", "f1", "no gradient"]),
    ],
)
def test_mistakes_are_named(tmp_path, text, parts):
    table(tmp_path)
    message = refused(tmp_path, text)
    for part in parts:
        assert part in message, message


def test_mistakes_beside_the_task(tmp_path):
    table(tmp_path)
    assert "neat.output_activation" in refused(tmp_path, more='\n[neat]\noutput_activation = "tanh"')
    assert "neat.mode" in refused(tmp_path, more='\n[neat]\nmode = "synchronous"')
    (tmp_path / "mine.csv").unlink()
    assert "mine.csv: cannot be read" in refused(tmp_path)
    path = tmp_path / "other.toml"
    for text, part in (('name = "data"', "task.path"), ('name = "iris"\npath = "x.csv"', "task.path")):
        path.write_text("[task]\n" + text)
        with pytest.raises(BadInput, match=part):
            read_config(path)


def test_a_bad_table_leaves_no_folder(tmp_path, capsys):
    table(tmp_path)
    path = config_of(tmp_path, 'column = "c"')
    with pytest.raises(SystemExit) as ended:
        main(["run", str(path), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2 and not (tmp_path / "out").exists()
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("numbers", [False, True])
def test_a_run_on_a_table(tmp_path, capsys, numbers):
    table(tmp_path, numbers=numbers)
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main(["run", str(config_of(tmp_path)), "--out", str(out), "--quiet", "--json"])
    assert ended.value.code == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["test"]["rows"] == 24 and summary["test"]["metric"] == ("r2" if numbers else "accuracy")
    assert (out / "network.png").is_file()
    with pytest.raises(SystemExit):
        main(["evaluate", str(out), "--json"])
    assert json.loads(capsys.readouterr().out) == summary["test"]
    # The file alone, without this software's idea of the split, predicts in the table's own units.
    champion, scaling = load_champion(out)
    data = read_config(out / "config.toml").task.data
    held, tested = data.dataset, data.split.test
    outputs = Network(champion, scaling=scaling)(held.X[tested])
    assert summary["test"]["score"] == pytest.approx(
        r2(outputs, held.y[tested]) if numbers else ((outputs[:, 0] > 0) == held.y[tested]).mean(), abs=1e-5
    )


def test_other_data_in_the_place_of_a_runs_own_are_refused(tmp_path, capsys):
    table(tmp_path)
    out = tmp_path / "out"
    with pytest.raises(SystemExit):
        main(["run", str(config_of(tmp_path)), "--out", str(out), "--quiet"])
    text = (tmp_path / "mine.csv").read_text()
    commands = (["evaluate", str(out)], ["resume", str(out), "--generations", "7"])
    for changed, code in ((text.replace("low", "less", 1), 2), (text.rpartition("\n")[0], 2), (text + "\n\n", 0)):
        (tmp_path / "mine.csv").write_text(changed)
        for command in commands:
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main(command)
            assert ended.value.code == code
            assert ("mine.csv: has changed since the run began" in capsys.readouterr().err) == (code == 2)


def test_a_name_or_a_table_alone_is_enough(tmp_path, monkeypatch, capsys):
    table(tmp_path)
    monkeypatch.chdir(tmp_path)
    for what, rows in (("mine.csv", 24), ("moons", 80)):
        with pytest.raises(SystemExit) as ended:
            main(["run", what, "--generations", "3", "--out", f"out/{rows}", "--quiet", "--json"])
        assert ended.value.code == 0
        assert json.loads(capsys.readouterr().out)["test"]["rows"] == rows
    config = load_config("mine.csv", ["task.objective=f1"])
    assert config.run.name == "mine" and config.task.path == str(tmp_path / "mine.csv")
    assert config.task.gradient_steps == 0 and not config.notes  # f1 has no gradient
    assert load_config("mine.csv").task.gradient_steps > 0 and "gradient_steps" in load_config("mine.csv").notes[-1]
    with pytest.raises(BadInput, match=r"none\.csv: cannot be read"):
        load_config("none.csv")
    with pytest.raises(BadInput, match="neat list"):
        load_config("moon")


def test_outputs_in_units_of_the_targets():
    population = initial_population(
        4, 3, 2, output_activation=0, aggregations=[aggregation_code(n) for n in ("sum", "max", "product", "median")],
        bias_scale=1.0, activations=(1,), topology="full",
    )  # fmt: skip
    population.activation[:] = 0
    targets = Scaling(np.float32([100, -7]), np.float32([0.05, 3]))
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    for genome in population:
        scaled, plain = genome.network()(X), in_target_units(genome, targets).network()(X)
        np.testing.assert_allclose(plain, scaled / targets.scale + targets.shift, rtol=1e-4, atol=1e-4)


def test_class_weights():
    data = Data.of(DatasetSettings("parity-3", validation=0.0, test=0.0), None)
    held, train = data.dataset, data.split.train
    np.testing.assert_allclose(class_weights("odd=3", held, train), [1, 3])
    np.testing.assert_allclose(class_weights("balanced", held, train[held.y[train] > 0][:2]), [1, 0.5])
    weighted = Data.of(DatasetSettings("parity-3", class_weights="even=0, odd=2", validation=0.0, test=0.0), None)
    assert weighted.rows(train).weight.tolist() == (2.0 * held.y[train]).tolist()


def test_without_rows_of_its_own_a_part_is_train():
    data = Data.of(DatasetSettings("parity-3", validation=0.0, test=0.0), None)
    network = initial_population(1, 3, 1).genome(0).network()
    tested = data.final_test(network)
    assert (tested["rows"], tested["part"]) == (8, "train")
    rows = Rows(data.inputs(data.dataset.X), data.dataset.y)
    assert tested["score"] == measure(network.networks, rows, "accuracy", 2)[0]


def test_a_measure_of_the_users_own(tmp_path, capsys):
    table(tmp_path)
    (tmp_path / "own_measure.py").write_text(
        "def hits(outputs, y):\n    return float(((outputs[:, 0] > 0) == y).sum())\n"
    )
    path = config_of(tmp_path, 'objective = "own_measure:hits"\nscore = "own_measure:hits"')
    config = read_config(path, trust=True)
    task = config.task.make("stop")
    assert task.maximize and task.objective.name == "hits"
    network = initial_population(1, 2, 1).genome(0).network()
    assert 0 <= task.evaluate(network.networks, (1, 0)).fitness[0] <= 72


def test_least_squares_within_a_run(tmp_path):
    table(tmp_path, numbers=True)
    text = 'gradient_steps = 4\nmethod = "levenberg-marquardt"'
    config = read_config(config_of(tmp_path, text))
    task, learning = config.task.make("stop"), config.task.learning()
    networks = compile_population(initial_population(3, 2, 1, seed=4))
    learnt = learning(networks, task, (1, 0))
    assert (task.evaluate(learnt, (1, 0)).fitness < 1e-6).all()  # the data are linear
    assert "mse" in refused(tmp_path, text + '\nobjective = "mae"')


@pytest.mark.parametrize("write_back", ["lamarckian", "baldwinian"])
def test_learning_and_what_becomes_of_it(tmp_path, write_back):
    """A run of one generation: the champion has learnt, whether or not the population has."""
    from experiments.config import RunSettings
    from experiments.run import Run
    from neat.params import NEATParams

    settings = DatasetSettings("parity-3", validation=0.0, test=0.0, gradient_steps=5, write_back=write_back)
    params = settings.adapt(NEATParams(population=10))
    task, learning = settings.make("stop"), settings.learning()
    assert learning == Descent(5, lamarckian=write_back == "lamarckian")
    run = Run.new(params, task, RunSettings(generations=1), learning=learning)
    asked = run.algorithm._state.population
    told = []
    run.go(lambda row, population, evaluation, report: told.append((population, evaluation)))
    population, evaluation = told[0]
    assert not np.array_equal(population.weight, asked.weight)  # what was judged had learnt
    fitness = task.evaluate(run._compile(population), (1, 0)).fitness
    np.testing.assert_array_equal(fitness, evaluation.fitness)
    p = int(np.argmin(fitness))
    assert run.champion.genome.equals(population.genome(p))
    elite = population if write_back == "lamarckian" else asked
    children = run.algorithm.ask()
    assert any(child.weight.tobytes() == elite.genome(p).weight.tobytes() for child in children)


def test_resuming_a_run_that_learns_changes_nothing(tmp_path):
    table(tmp_path)
    path = config_of(tmp_path, "gradient_steps = 2\nbatch = 16\n")
    for name, limits in (("whole", ["6"]), ("parts", ["3", "6"])):
        out = str(tmp_path / name)
        for k, limit in enumerate(limits):
            command = ["resume", out] if k else ["run", str(path), "--out", out]
            with pytest.raises(SystemExit) as ended:
                main([*command, "--generations", limit, "--quiet", "--threads", str(k + 1)])
            assert ended.value.code == 0
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    assert (whole / "champion.json").read_bytes() == (parts / "champion.json").read_bytes()
    assert (whole / "species.csv").read_bytes() == (parts / "species.csv").read_bytes()


def test_evolve_takes_a_data_set_and_its_settings(tmp_path):
    from experiments import evolve

    table(tmp_path, numbers=True)
    settings = DatasetSettings("data", path=str(tmp_path / "mine.csv"), gradient_steps=3)
    result = evolve(settings, generations=3, population=10, quiet=True)
    data = settings.data
    assert result.network.networks.num_outputs == 1 and result.scaling is data.inputs
    tested = data.split.test
    assert r2(result.network(data.dataset.X[tested]), data.dataset.y[tested]) > -1.0  # in units of the table
    assert evolve("parity-3", generations=2, population=10, quiet=True).champion.num_inputs == 3
    with pytest.raises(ValueError, match="cannot be read"):
        evolve(DatasetSettings("data", path=str(tmp_path / "none.csv")), quiet=True)
