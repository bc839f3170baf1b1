"""What the machine refuses: a line that names the file, exit code 3, and what was there stays as it was."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from experiments.cli import _run
from experiments.machine import refusal
from experiments.study.measure import Row
from experiments.study.run import Results
from tests.run_cases import command, env, neat

pytestmark = pytest.mark.slow  # real processes, many of them

TRAINING = 'model = [8]\ndata = "iris"\nevaluations = 20\n'


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder with a run, r, and a training; what these need is compiled."""
    folder = tmp_path_factory.mktemp("machine")
    neat("run", "xor", "--population", 20, "--generations", 2, "--quiet", "--out", "r", cwd=folder, code=1)
    (folder / "t.toml").write_text(TRAINING)
    neat("train", "t.toml", "--quiet", cwd=folder)
    neat("refine", "r", "--evaluations", 5, "--quiet", "--out", "compiled", cwd=folder, code=1)
    return folder


def limited(arguments, cwd, limit):
    """The command in a process that may write so many bytes into a file."""

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        arguments, cwd=cwd, env=env(), capture_output=True, text=True, timeout=120, preexec_fn=limit_files
    )
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert "File too large" in done.stderr.splitlines()[-1], done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("w.npz", ["train", "t.toml", "--quiet", "--out", "w.npz"]),
        ("c.h", ["export", "r", "--to", "c", "--out", "c.h"]),
        ("c.py", ["export", "r", "--out", "c.py"]),
    ],
)
def test_a_disk_that_fills_up_keeps_the_file_that_was_there(ready, file, arguments):
    (ready / file).write_text("old")
    before = sorted(path.name for path in ready.iterdir())
    assert file in limited(command(*arguments), ready, 100)
    assert (ready / file).read_text() == "old"
    assert sorted(path.name for path in ready.iterdir()) == before
    neat(*arguments, cwd=ready)
    assert (ready / file).stat().st_size > 100


def test_figures_of_a_benchmark_appear_whole(tmp_path):
    code = (
        "import experiments.bench.forward as f\nfrom experiments.bench.harness import Benchmark\n"
        "f.bench = lambda say: Benchmark('forward', {})\n"
        "from experiments.cli import main\nmain(['bench', 'forward', '--json', 'f.json'])"
    )
    (tmp_path / "f.json").write_text("old")
    assert "f.json: cannot be written" in limited([sys.executable, "-c", code], tmp_path, 20)
    assert (tmp_path / "f.json").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_refining_and_studying_without_room(ready):
    assert "tuned/config.toml: cannot be written" in limited(
        command("refine", "r", "--evaluations", 5, "--quiet", "--out", "tuned"), ready, 100
    )
    assert "machine.json" in limited(command("study", "gradient-free", "--quick", "--out", "s"), ready, 20)


ROW = Row("a", "sizes", "digits", "ga", 5, "{}", 1, 10, 0.5, 0.25, 'a note\nof two, "quoted" lines')


@pytest.mark.parametrize("cut", [1, 2, 10, 30, 60])
def test_a_torn_row_does_not_break_a_study(tmp_path, cut):
    """Wherever the disk was full, also within a quoted note of several lines."""
    results = Results(tmp_path / "results.csv")
    results.add(ROW)
    whole = results.path.read_bytes()
    results.add(Row("b", *list(vars(ROW).values())[1:]))
    results.path.write_bytes(results.path.read_bytes()[:-cut])
    again = Results(results.path)
    assert list(again.rows) == ["a"] and results.path.read_bytes() == whole
    assert again.rows["a"].note == 'a note of two, "quoted" lines'


def test_a_results_file_that_cannot_grow_is_named(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom experiments.errors import Failure\n"
        "from tests.test_machine import ROW, Results\n"
        "results = Results(Path('results.csv'))\n"
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (120, 120))\n"
        "try:\n    results.add(ROW)\nexcept Failure as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env(), capture_output=True, text=True)
    assert done.stdout.startswith("results.csv: cannot be written: File too large"), done.stderr
    assert not Results(tmp_path / "results.csv").rows


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EROFS", "EACCES", "EPERM", "EIO",
                                  "EFBIG", "EISDIR", "EAGAIN"])  # fmt: skip
def test_refusals_of_the_system_are_one_line_in_every_command(name, monkeypatch, capsys):
    def refuse():
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)), "the/file")

    monkeypatch.setattr("experiments.commands.list.bench_files", refuse)
    assert _run(["list"]) == 3
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and "the/file" in printed and os.strerror(getattr(errno, name)) in printed


@pytest.mark.parametrize(
    "error",
    [MemoryError(), MemoryError("Unable to allocate 8 TiB"), OSError(errno.EMFILE, "Too many open files"),
     RuntimeError("can't start new thread")],
)  # fmt: skip
def test_refusals_without_a_file_are_one_line(error):
    assert refusal(error) and "\n" not in refusal(error)


def test_a_fault_of_ours_shows_its_traceback(monkeypatch, capsys):
    for error in (KeyError("x"), FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("x")):
        assert refusal(error) is None

        def fail(error=error):
            raise error

        monkeypatch.setattr("experiments.commands.list.bench_files", fail)
        assert _run(["list"]) == 3 and "Traceback" in capsys.readouterr().err


def test_too_few_descriptors_for_a_study(tmp_path):
    def limit_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

    done = subprocess.run(
        command("study", "gradient-free", "--quick", "--out", "s"), cwd=tmp_path, env=env(), capture_output=True,
        text=True, timeout=120, preexec_fn=limit_descriptors,
    )  # fmt: skip
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert "Too many open files" in done.stderr
