"""`neat show`, and other commands, on run folders that come from elsewhere: one clear line for whatever is wrong."""

import json
import os
import random
import shutil

import pytest

from experiments.cli import _run
from tests.run_cases import ENDLESS


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of 3 generations."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "small.toml").write_text(ENDLESS.replace("population = 60", "population = 20"))
    command = ["run", str(folder / "small.toml"), "--out", str(folder / "run"), "--generations", "3", "--quiet"]
    assert _run(command) == 1
    return folder / "run"


@pytest.fixture
def folder(run, tmp_path, monkeypatch):
    shutil.copytree(run, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run"


def refused(capsys, *command):
    """The one line that a command says when it refuses what it is given."""
    capsys.readouterr()
    code = _run([str(part) for part in command])
    said = capsys.readouterr().err
    assert code == 2 and said.count("\n") == 1 and len(said) < 500, (code, said)
    return said


NO_NUMBER = ("x", [], {}, True, None, float("nan"), 10**400, "gone")
NO_COUNT = (*NO_NUMBER, -1, 2**70, 1.5)
NEEDED = {
    "solved": ("x", 1, None, "gone"),
    "stopped": (1, None, [], "gone"),
    "generations": NO_COUNT,
    "evaluations": NO_COUNT,
    "seconds": (*NO_NUMBER, -1),
    "champion": ("x", [], True, {}, "gone"),
    "champion.hidden": NO_COUNT,
    "champion.connections": NO_COUNT,
    "champion.fitness": NO_NUMBER,
    "champion.score": NO_NUMBER,
    "test": ("x", [], True, None, {}),
    "test.mean": NO_NUMBER,
    "test.episodes": NO_COUNT,
}


@pytest.mark.parametrize("key", NEEDED)
def test_a_wrong_value_of_the_summary_is_named(folder, key, capsys):
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    summary["test"] = {"mean": 1.0, "std": 0.0, "min": 1.0, "max": 1.0, "episodes": 5}
    summary["champion"] = {"hidden": 1, "connections": 2, "fitness": 1.0, "score": 2.0}
    path.write_text(json.dumps(summary))
    assert _run(["show", str(folder)]) == 0
    for wrong in NEEDED[key]:
        changed = json.loads(json.dumps(summary))
        table, _, name = key.rpartition(".")
        inner = changed[table] if table else changed
        inner[name] = wrong
        if wrong == "gone":
            del inner[name]
        path.write_text(json.dumps(changed))
        assert f"{path}: is damaged: {key}" in refused(capsys, "show", folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("metrics.csv", "generation,", "generatiom,", "first line must have the column generation"),
        ("metrics.csv", "\n1,", "\nx,", "line 3: is damaged: generation must be a whole number of 0 or more, got 'x'"),
        ("metrics.csv", "\n1,", "\n-1,", "line 3: is damaged: generation must be a whole number"),
        ("metrics.csv", "\n1,", "\n\n1,", "line 3: is damaged: generation must be a whole number"),
        ("metrics.csv", "\n1,40,", "\n1,40,,x\n1,40,", "line 3: is damaged: "),
        ("metrics.csv", "\n", "", "first line must have"),
        ("metrics.csv", "0", "\x00", "is damaged: "),
        ("species.csv", "size", "sise", "first line must have the column size"),
        ("species.csv", "\n1,", "\n1e300,", "generation must be a whole number of 0 or more, got '1e300'"),
        ("species.csv", "\n1,", "\nnan,", "generation must be a whole number"),
        ("species.csv", "\n1,", "\n" + "9" * 100_000 + ",", "generation must be a whole number"),
        ("species.csv", "\n1,", "\n" + "9" * 200_000 + ",", "is damaged: field larger than field limit"),
    ],
)
def test_a_wrong_cell_is_named(folder, file, old, new, message, capsys):
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    said = refused(capsys, "show", folder)
    assert str(path) in said and message in said


def test_half_a_line_is_left_out_and_numbers_may_be_huge(folder):
    path = folder / "metrics.csv"
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    for column, value in ((2, "1e308"), (3, "-1e308"), (5, "inf"), (8, "1e308")):
        cells[column] = value
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:], "3,4"]))
    (folder / "species.csv").write_text(f"generation,species,size\n0,{2**53},{2**53}\n{2**53},1,0\n")
    assert _run(["show", str(folder)]) == 0


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_never_give_a_traceback(folder, seed, capsys):
    rng = random.Random(seed)
    path = folder / rng.choice(["summary.json", "metrics.csv", "species.csv", "champion.json"])
    data = bytearray(path.read_bytes())
    if seed % 2:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    else:
        del data[rng.randrange(len(data)) :]
    path.write_bytes(data)
    code = _run(["show", str(folder)])
    said = capsys.readouterr().err
    assert code in (0, 2) and said.count("\n") == (code == 2), said
    assert code == 0 or str(path) in said


PLACES = ("config.toml", "champion.json", "summary.json", "metrics.csv", "species.csv", "checkpoints", "network.png",
          ".lock")  # fmt: skip


def in_the_way(path, kind):
    """Put something else into a file's or a folder's place."""
    if path.is_dir():
        shutil.move(path, path.with_name("elsewhere"))
    elif path.exists():
        path.rename(path.with_name("elsewhere"))
    else:
        path.with_name("elsewhere").touch()
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "loop"])
def test_what_is_in_the_way_is_named_at_once(folder, name, kind, capsys):
    path, kind = folder / name, "file" if name == "checkpoints" and kind == "folder" else kind
    in_the_way(path, kind)
    before = sorted(p.name for p in folder.iterdir())
    right = "a folder" if name == "checkpoints" else "a regular file"
    for command in ("show", "resume", "evaluate"):
        assert f"{path}: is a {kind.replace('loop', 'link')}, must be {right}" in refused(capsys, command, folder)
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_in_the_way_in_a_checkpoint_is_named(folder, kind, capsys):
    for checkpoint in (folder / "checkpoints").iterdir():
        in_the_way(checkpoint / "state.json", kind)
    said = refused(capsys, "resume", folder)
    assert "state.json: is a " in said and "must be a regular file; no checkpoint before it can be used either" in said


CYCLE = [(0, 5), (5, 6), (6, 5), (6, 4)]


@pytest.mark.parametrize(
    ("hidden", "links", "more", "message"),
    [
        (2, CYCLE, {}, "genome 0, connections: a feed-forward genome has no cycle, disabled genes included: 5 -> 6"),
        (0, [(0, 4)], {"time_constant": 1.0}, "the genomes have time constants; mode 'feedforward' wants it otherwise"),
    ],
)
def test_a_champion_of_another_mode_is_refused(folder, hidden, links, more, message, capsys):
    path = folder / "champion.json"
    champion = json.loads(path.read_text())
    node = {"bias": 0.0, "activation": "tanh", "aggregation": "sum"} | more
    champion["nodes"] = [{"id": 4 + k} | node for k in range(1 + hidden)]
    champion["connections"] = [
        {"innovation": k, "source": s, "target": t, "weight": 1.0, "enabled": True} for k, (s, t) in enumerate(links)
    ]
    path.write_text(json.dumps(champion))
    for command in (["show"], ["evaluate"], ["export", "--to", "python"], ["refine", "--method", "snes"]):
        assert f"{path}: {message}" in refused(capsys, command[0], folder, *command[1:])


def test_a_champion_of_another_task_is_refused(tmp_path, capsys):
    folder = tmp_path / "xor"
    assert _run(["run", "xor", "--out", str(folder), "--generations", "1", "--quiet"]) < 2
    node = {"id": 4, "bias": 0.0, "activation": "tanh", "aggregation": "sum"}
    genome = {"format": "speciate-genome", "version": 1, "inputs": 4, "outputs": 1, "nodes": [node], "connections": []}
    (folder / "champion.json").write_text(json.dumps(genome))
    assert "xor: needs 2 inputs and 1 outputs, the champion has 4 and 1" in refused(capsys, "evaluate", folder)


@pytest.mark.parametrize("name", ["q[/b]", "u[red]", "[link=x]a", r"\[x"])
def test_markup_in_a_path_is_shown_as_it_is(folder, name, capsys):
    (folder.parent / name).parent.mkdir(exist_ok=True)
    folder.rename(folder.parent / name)
    (folder.parent / name / "summary.json").unlink()
    assert _run(["show", name]) == 0
    assert f"Not finished: `neat resume {name}` goes on" in capsys.readouterr().out
