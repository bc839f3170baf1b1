"""`neat train`: a fixed network by any method, from a file."""

import json

import numpy as np
import pytest

from experiments.cli import _run
from experiments.training.presets import read_training, training_names
from experiments.training.train import train
from neat.weights.registry import method_class, method_params
from tests.run_cases import neat

FILE = """
model = [6]
data = "digits"
evaluations = 400

[methods.snes]
batch = 50
population = 20
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return path


def test_a_file_of_ones_own(file, tmp_path):
    shown = neat("train", "mine.toml", "--method", "snes", "--json", "--out", "w.npz", cwd=tmp_path)
    result = json.loads(shown.stdout)
    assert result["evaluations"] == 400
    assert result["settings"] == {"batch": 50, "population": 20}
    assert 0.0 < result["test"] <= 1.0
    arrays = np.load(tmp_path / "w.npz", allow_pickle=False)
    shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes == {"weight_0": (6, 64), "weight_1": (10, 6), "bias_0": (6,), "bias_1": (10,)}


def test_a_file_may_leave_the_methods_to_their_defaults(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('model = [6]\ndata = "iris"\n')
    assert read_training(str(path)).methods == {}


def test_options_come_before_the_file(file, tmp_path):
    options = ("--evaluations", "40", "--set", "population=8", "--json")
    result = json.loads(neat("train", "mine.toml", "--method", "snes", *options, cwd=tmp_path).stdout)
    assert (result["evaluations"], result["settings"]["population"]) == (40, 8)


def test_the_same_seed_the_same_result(file, tmp_path):
    for name in ("a.npz", "b.npz"):
        neat("train", "mine.toml", "--method", "snes", "--out", name, "--quiet", "--threads", "1", cwd=tmp_path)
    first, second = (np.load(tmp_path / name) for name in ("a.npz", "b.npz"))
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("name", training_names())
def test_settings_of_the_presets_are_known(name):
    training = read_training(name)
    for method, settings in training.methods.items():
        own = {key: value for key, value in settings.items() if key not in ("batch", "own_batches")}
        if method == "elm":  # keeps the network's first layers
            assert set(own) <= {"ridge"}
        else:
            method_params(method_class(method), own)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model = [6]", 'model = "lent"', "model = 'lent': must be"),
        ("model = [6]", "model = [0]", "model = [0]: must be"),
        ('data = "digits"', "", "data = None: must be"),
        ('data = "digits"', 'data = "digitz"', "digitz"),
        ("evaluations = 400", "evaluations = -1", "evaluations = -1: must be"),
        ("evaluations = 400", "evaluation = 4", "evaluation: there is no such key"),
        ("[methods.snes]", "[methods.sness]", "methods.sness: there is no such method; did you mean 'snes'?"),
        ("population = 20", "poplation = 20", "poplation"),
        ("population = 20", "population =", "is no TOML"),
        ("population = 20", "seed = 20", "seed = 20: is no setting of the method 'snes'"),
        ("population = 20", "model = 3", "model = 3: is no setting of the method 'snes'"),
        ("batch = 50", 'batch = "all"', "batch = 'all': must be a whole number"),
        ("batch = 50", "batch = -1", "batch = -1: must be a whole number"),
        ("batch = 50", "own_batches = 1", "own_batches = 1: must be true or false"),
        ("batch = 50", "objective = 1", "objective = 1: must be a name"),
        ("[methods.snes]", "[method.snes]", "method: there is no such key"),
    ],
)
def test_what_is_wrong_is_named(file, capsys, old, new, said):
    file.write_text(FILE.replace(old, new))
    assert _run(["train", str(file), "--method", "snes"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_what_is_missing_is_named(tmp_path, capsys):
    for arguments, said in (
        (["train", "lenett"], "did you mean 'lenet'?"),
        (["train", str(tmp_path / "no.toml")], "cannot be read"),
        (["train", "lenet", "--out", str(tmp_path / "no" / "w.npz")], "there is no folder"),
        (["train", "lenet", "--out", str(tmp_path / ("w" * 300))], "File name too long"),
        (["train", "lenet", "--method", "adma"], "adma"),
    ):
        assert _run(arguments) == 2
        assert said in capsys.readouterr().err


def test_a_task_without_settings_of_methods(tmp_path):
    (tmp_path / "pole.toml").write_text('model = [4]\ndata = "CartPole-v1"\nevaluations = 30\n')
    result = json.loads(neat("train", "pole.toml", "--method", "snes", "--json", cwd=tmp_path).stdout)
    assert result["score"] > 0
    assert result["test"] is None


def test_the_method_in_closed_form(file):
    file.write_text(FILE.replace("methods.snes", "methods.elm").replace("batch = 50\npopulation = 20", "ridge = 0.01"))
    assert _run(["train", str(file), "--method", "elm", "--quiet"]) == 0


def test_writing_is_tried_before_the_training(file, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.training.train.train", lambda *a, **k: pytest.fail("has trained"))
    (tmp_path / "old").write_bytes(b"old")
    for out in (tmp_path / "no" / "w.npz", tmp_path / ("w" * 300), tmp_path / "old" / "w.npz"):
        assert _run(["train", str(file), "--out", str(out)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml", "old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_an_interruption_keeps_what_was_found():
    generations = []

    def interrupt(progress, score):
        generations.append(score)
        if len(generations) == 8:  # before the first check, which the tenth brings
            raise KeyboardInterrupt

    found = train((8,), "digits", "snes", population=40, batch=200, on_generation=interrupt)
    assert found.stopped == "interrupted"
    assert found.generations == 8
    assert found.score > generations[0]
