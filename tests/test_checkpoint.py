"""Checkpoints and run folders that were damaged: one clear line, and never a wrong result."""

import json
import random
import shutil

import pytest

from experiments.checkpoint import CheckpointError, last_checkpoint
from experiments.cli import _run
from tests.run_cases import ENDLESS, outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 6 generations, and the same run after 3."""
    folder = tmp_path_factory.mktemp("run")
    config = folder / "endless.toml"
    config.write_text(ENDLESS)
    for name, generations in (("half", "3"), ("whole", "6")):
        assert _run(["run", str(config), "--out", str(folder / name), "--generations", generations, "--quiet"]) == 1
    return folder


@pytest.fixture
def half(run, tmp_path):
    shutil.copytree(run / "half", tmp_path / "half")
    return tmp_path / "half"


def resume(folder, generations=6):
    return _run(["resume", str(folder), "--generations", str(generations), "--quiet"])


def test_time_constants_go_on_bit_for_bit(tmp_path):
    config = tmp_path / "endless.toml"
    config.write_text(ENDLESS.replace("[neat]", '[neat]\nmode = "ctrnn"\nadd_node = 0.5'))
    for name, generations in (("half", "3"), ("whole", "6")):
        assert _run(["run", str(config), "--out", str(tmp_path / name), "--generations", generations, "--quiet"]) == 1
    assert '"time_constant": ' in (tmp_path / "half" / "champion.json").read_text()
    assert resume(tmp_path / "half") == 1
    assert outcome(tmp_path / "half") == outcome(tmp_path / "whole")


@pytest.mark.parametrize("file", ["manifest.json", "arrays.npz", "state.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "remove"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(run, half, file, damage, capsys):
    path = half / "checkpoints" / "00000003" / file
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[random.Random(file).randrange(len(data))] ^= 0x10
    elif damage == "truncate":
        del data[len(data) // 2 :]
    else:
        data.clear()
    path.write_bytes(data)
    if damage == "remove":
        path.unlink()
    assert resume(half) == 1
    errors = capsys.readouterr().err
    whole = file == "manifest.json" and damage == "flip" and not errors  # a changed blank changes nothing
    assert whole or (str(path.parent) in errors and "00000002" in errors)
    assert outcome(half) == outcome(run / "whole")


def test_no_whole_checkpoint_is_one_line(half, capsys):
    for path in half.glob("checkpoints/*/arrays.npz"):
        path.write_bytes(path.read_bytes()[:-1])
    before = (half / "metrics.csv").read_bytes()
    assert resume(half) == 2
    assert "checksum" in capsys.readouterr().err
    assert (half / "metrics.csv").read_bytes() == before


def test_other_versions_are_named(half, capsys):
    for path in half.glob("checkpoints/*/manifest.json"):
        path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    assert resume(half) == 2
    assert "version 9" in capsys.readouterr().err


@pytest.mark.parametrize("checkpoints", [1, 2])
@pytest.mark.parametrize("seed", range(15))
def test_flipped_bits_never_change_a_result(half, seed, checkpoints):
    """With another checkpoint a run goes on from there, without one it is an error."""
    rng = random.Random(seed)
    for folder in sorted(half.glob("checkpoints/*"))[:-checkpoints]:
        shutil.rmtree(folder)
    path = rng.choice(sorted(half.glob("checkpoints/*/*")))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    messages = []
    try:
        found = last_checkpoint(half / "checkpoints", messages.append)
    except CheckpointError as error:
        assert "\n" not in str(error)
        return
    assert found.state["run"]["generations"] in (2, 3)


def test_a_changed_config_does_not_fit_the_checkpoint(half, capsys):
    config = half / "config.toml"
    config.write_text(config.read_text().replace("add_node = 0.1", "add_node = 0.2"))
    assert resume(half) == 2
    assert "changed since" in capsys.readouterr().err


def test_a_changed_metrics_file_is_refused(half, capsys):
    path = half / "metrics.csv"
    path.write_text(path.read_text().replace("generation", "generatiom", 1))
    assert resume(half) == 2
    assert "metrics.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "JSON"),
        ('{"format": "speciate-genome", "version": 2}', "version"),
        ('{"format": "x"}', "format"),
        (None, "missing"),
    ],
)
def test_a_wrong_champion_is_one_line(half, content, part, capsys):
    path = half / "champion.json"
    path.unlink() if content is None else path.write_text(content)
    for command in ("evaluate", "show"):
        if (command, content) == ("show", None):
            continue
        assert _run([command, str(half)]) == 2
        errors = capsys.readouterr().err
        assert "champion.json" in errors and part in errors and errors.count("\n") == 1


def test_summary_that_is_damaged(half, capsys):
    (half / "summary.json").write_text("[1")
    assert _run(["show", str(half)]) == 2
    assert "summary.json" in capsys.readouterr().err


def test_the_checkpoint_holds_no_pickle(half):
    for path in half.glob("checkpoints/*/state.json"):
        json.loads(path.read_text())
    assert not list(half.rglob("*.pkl"))
