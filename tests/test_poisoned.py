"""Checkpoints from elsewhere, with checksums that are right: no crash, no code run, no memory taken, one line."""

import io
import json
import pickle
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from experiments.checkpoint import CheckpointError, last_checkpoint
from experiments.cli import _run
from neat import NEAT, NEATParams
from tests.poison_cases import read, seal, write
from tests.run_cases import ENDLESS, ROOT, env, neat, outcome

pytestmark = pytest.mark.slow  # real processes, many of them

SMALL = ENDLESS.replace("population = 60", 'population = 20\nadd_node = 0.3\ncomplexity_mode = "absolute"')
SCALED = ENDLESS.replace("[neat]", 'native = false\nscaling = "running"\n[neat]')
TIMED = SMALL.replace("[neat]", '[neat]\nmode = "ctrnn"')
NOVEL = SMALL.replace("CartPole-v1", "MazeMedium-v0").replace(
    "[neat]", '[neat]\nselection = "novelty"\nnovelty_archive = 0.5'
)
RUNS = {"small": SMALL, "scaled": SCALED, "timed": TIMED, "novel": NOVEL}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of three generations; the last one of six."""
    folder = tmp_path_factory.mktemp("runs")
    for name, config in RUNS.items():
        (folder / f"{name}.toml").write_text(config)
        assert (
            _run(
                [
                    "run",
                    str(folder / f"{name}.toml"),
                    "--out",
                    str(folder / name),
                    "--generations",
                    "3",
                    "--quiet",
                    "--threads",
                    "1",
                ]
            )
            < 2
        )
    whole = ["run", str(folder / "small.toml"), "--out", str(folder / "whole"), "--generations", "6", "--quiet"]
    assert _run(whole) == 1
    return folder


@pytest.fixture
def half(runs, tmp_path):
    shutil.copytree(runs / "small", tmp_path / "half")
    return tmp_path / "half"


def newest(folder):
    return max((folder / "checkpoints").iterdir())


def resume(folder):
    return _run(["resume", str(folder), "--generations", "6", "--quiet"])


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("small", ()),
        ("timed", ("population.", "representatives.", "champion.")),
        ("novel", ("archive",)),
        ("scaled", ("task.", "champion.scaling")),
    ],
)
def test_whatever_a_checkpoint_holds_is_refused_in_one_line_or_goes_on(runs, tmp_path, name, only):
    folder = tmp_path / name
    shutil.copytree(runs / name, folder)
    last, *before = sorted((folder / "checkpoints").iterdir(), reverse=True)
    for older in before:
        shutil.rmtree(older)
    command = [sys.executable, "-m", "tests.poison_cases", str(folder), "1", *only]
    done = subprocess.run(command, cwd=ROOT, env=env(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-3000:]}"
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) > 10
    for case, wrong, said in results:
        assert said is not None or not wrong, case
        assert said is None or (said.startswith(str(last)) and "\n" not in said and len(said) < 400), (case, said)
    assert any(said is None for *_, said in results)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays["population.conn_start"].__imul__(50_000_000),
        lambda arrays: arrays["population.source"].fill(2**31 - 1),
        lambda arrays: arrays["representatives.innovation"].fill(2**31 - 1),
    ],
)
def test_wild_numbers_give_way_to_the_checkpoint_before(runs, half, change):
    arrays, state = read(newest(half))
    change(arrays)
    write(newest(half), arrays, state)
    done = neat("resume", half, "--generations", 6, "--quiet", cwd=half.parent, code=1)
    refused, going_on = done.stderr.splitlines()
    assert str(newest(half).with_name("00000003")) in refused and "00000002" in going_on
    assert outcome(half) == outcome(runs / "whole")


def no_header(shape, descr="'<f8'"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


class Caught:
    def __reduce__(self):
        return (print, ("code was run",))


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


ARCHIVES = {
    "more than there is": {"progress.record": no_header("(10000000000000,)")},
    "negative": {"progress.record": no_header("(-1, -1)") + b"x" * 8},
    "no size": {"progress.record": no_header("(10000000000000,)", "'V0'")},
    "too large to exist": {"progress.record": no_header("(0, 4611686018427387904, 8)")},
    "long header": {"progress.record": no_header("(" + "1, " * 5000 + ")")},
    "deep header": {"progress.record": no_header("(" * 900 + ")" * 900)},
    "no header": {"progress.record": b"x" * 100},
    "objects": {"progress.record": no_header("(1,)", "'|O'") + pickle.dumps(Caught())},
    "a pickle": {"progress.record": pickle.dumps(Caught())},
    "another version": {"progress.record": b"\x93NUMPY\x03\x00" + npy(np.zeros(1))[8:]},
    "elsewhere": {"../../../escaped": npy(np.zeros(1))},
}


@pytest.mark.parametrize("kind", [*ARCHIVES, "compressed", "twice", "one for many", "other name", "no archive"])
def test_archives_made_by_hand_are_one_line(half, kind, capfd):
    shutil.rmtree(newest(half).with_name("00000002"))
    arrays = {name: npy(array) for name, array in read(newest(half))[0].items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if kind == "compressed" else zipfile.ZIP_STORED) as archive:
        for name, data in (arrays | ARCHIVES.get(kind, {})).items():
            archive.writestr(f"{name}.npy", data)
        if kind == "other name":
            archive.writestr("notes.txt", b"")
        if kind == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("progress.record.npy", arrays["progress.record"])
        if kind == "one for many":  # the directory has an entry again and again: it takes no place in the file
            for k in range(2000):
                entry = zipfile.ZipInfo(f"x{k}.npy")
                largest = max(archive.infolist(), key=lambda member: member.file_size)
                for field in ("header_offset", "file_size", "compress_size", "CRC"):
                    setattr(entry, field, getattr(largest, field))
                archive.filelist.append(entry)
    seal(newest(half), b"no archive" if kind == "no archive" else buffer.getvalue())
    assert resume(half) == 2
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1 and f"{newest(half)}" in err and len(err) < 500, err
    assert sorted(p.name for p in half.parent.iterdir()) == ["half"]


def test_unpacking_takes_no_more_memory_than_the_file(half):
    """A bomb of 512 MB in half a megabyte is refused before it is unpacked."""
    archive = zipfile.ZipFile(newest(half) / "arrays.npz", "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("population.weight.npy", "w", force_zip64=True) as file:
        for _ in range(64):
            file.write(bytes(2**23))
    seal(newest(half), (newest(half) / "arrays.npz").read_bytes())
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from experiments.checkpoint import last_checkpoint\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "last_checkpoint(Path(sys.argv[1]), print)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 2**10)\n"
    )
    command = [sys.executable, "-c", code, str(half / "checkpoints")]
    done = subprocess.run(command, env=env(), capture_output=True, text=True, check=True)
    refused, _, megabytes = done.stdout.splitlines()
    assert "arrays.npz: cannot be read: its arrays must not be compressed" in refused and int(megabytes) < 100


def test_a_damaged_only_checkpoint_is_told_once(half, capsys):
    shutil.rmtree(newest(half).with_name("00000002"))
    (newest(half) / "state.json").write_text("{")
    assert resume(half) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "checkpoints").touch()
    with pytest.raises(CheckpointError, match=r"checkpoints: cannot be read: Not a directory$"):
        last_checkpoint(tmp_path / "checkpoints", print)


def test_large_json_is_not_read(half, capsys):
    for checkpoint in (half / "checkpoints").iterdir():
        (checkpoint / "manifest.json").write_text(" " * 2**21)
    assert resume(half) == 2
    assert "manifest.json: has 2,097,152 bytes, more than the 1,048,576 that it may have" in capsys.readouterr().err


def test_what_restore_is_given_is_checked():
    """For every user of `NEAT`, not for the command only."""
    params = NEATParams(population=12)
    algorithm = NEAT(params, 2, 1)
    arrays, scalars = algorithm.state_dict()
    with pytest.raises(ValueError, match="^population: genome 0, connection 0 .* both ends must be nodes"):
        NEAT.restore(params, arrays | {"population.source": arrays["population.source"] + 10**6}, scalars)
    with pytest.raises(ValueError, match="^threshold: must be a number of at least 0, got nan"):
        NEAT.restore(params, arrays, scalars | {"threshold": float("nan")})
    with pytest.raises(ValueError, match="^sead: is not known"):
        NEAT.restore(params, arrays, scalars | {"sead": 1})
    with pytest.raises(ValueError, match="population: the genomes have no time constants; mode 'ctrnn' wants it"):
        NEAT.restore(NEATParams(population=12, mode="ctrnn"), arrays, scalars)
    NEAT.restore(params, arrays, scalars).ask()
