"""The command's standard streams: closed, full, without a reader, of a narrow terminal, of another encoding."""

import json
import os
import pty
import shlex
import subprocess
import sys

import pytest

from experiments.display import closing_lines, number, sparkline
from tests.run_cases import ROOT, command, env, neat

pytestmark = pytest.mark.slow  # real processes, many of them

RUN = ("run", "xor", "--population", "20", "--generations", "2", "--threads", "1")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with a run in it, r."""
    folder = tmp_path_factory.mktemp("streams")
    neat(*RUN, "--out", "r", "--quiet", cwd=folder, code=1)
    return folder


def shell(line, cwd, **variables):
    """What bash makes of a line in which `neat` is the command; the exit code is that of the first part of a pipe."""
    line = line.replace("neat", shlex.join(command()), 1)
    done = subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"], cwd=cwd, env=env() | variables, capture_output=True,
        timeout=120,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr, done.stderr.decode()
    return done


PRINTING = ["list", "--help", "--version", "run --help", "show r", "evaluate r", "evaluate r --json", "export r"]


@pytest.mark.parametrize("arguments", PRINTING)
def test_a_reader_may_go(run, arguments):
    assert shell(f"neat {arguments} | true", run).returncode == 0
    assert shell(f"neat {arguments} | head -1", run).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", PRINTING)
def test_what_cannot_be_printed_is_told(run, arguments):
    done = shell(f"neat {arguments} > /dev/full", run)
    assert done.returncode == 3
    assert done.stderr.decode().splitlines()[-1].startswith("neat: standard output: cannot be written: No space")


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", "2>/dev/full | true"])
def test_a_run_outlasts_its_streams(tmp_path, streams):
    """Its exit code is its own (here 1: not solved), and everything is in its folder."""
    done = shell(f"neat {shlex.join(RUN)} --out r --json {streams}", tmp_path)
    assert done.returncode == 1
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["generations"] == 2
    assert len((tmp_path / "r" / "metrics.csv").read_text().splitlines()) == 3


def test_a_file_never_takes_the_place_of_a_closed_stream(tmp_path):
    """Descriptors 0 to 2 are filled before a file is opened, in children, too."""
    code = (
        "import os, subprocess, sys\nfrom experiments.streams import guard\nguard()\n"
        "file = open('file', 'w')\nassert file.fileno() > 2, file.fileno()\n"
        "subprocess.run([sys.executable, '-c', 'import os; [os.fstat(k) for k in range(3)]; print(1)'], check=True)\n"
        "print('out'); print('error', file=sys.stderr)\n"
    )
    (tmp_path / "guarded.py").write_text(code)
    line = f"{sys.executable} guarded.py <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", line], cwd=tmp_path, env=env(), timeout=60).returncode == 0
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-"])
def test_the_exit_code_tells_of_bad_input_where_words_cannot(tmp_path, stream):
    assert shell(f"neat rnu {stream}", tmp_path).returncode == 2


def test_names_of_files_can_be_copied_whatever_the_locale(tmp_path):
    name = "r-\u6d4b-\udcff"
    bare = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for variables in ({}, {"LC_ALL": "C"}, bare):
        done = shell(f"neat show {shlex.quote(name)}", tmp_path, **variables)
        assert done.returncode == 2 and os.fsencode(name) in done.stderr, done.stderr


def test_what_an_encoding_lacks_is_a_question_mark(tmp_path):
    done = shell("neat show \u6d4b", tmp_path, PYTHONIOENCODING="latin-1")
    assert done.returncode == 2 and b"latin" not in done.stderr


@pytest.mark.parametrize("variables", [{"COLUMNS": "1"}, {"COLUMNS": "20"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_widths_and_terminals_change_no_result(run, variables):
    for arguments in ("list", "--help", "show r", "evaluate r"):
        assert shell(f"neat {arguments}", run, **variables).returncode == 0
    assert "xor-2002" in shell("neat list", run, **variables).stdout.decode()


def test_pictures_need_no_window_whatever_matplotlib_is_told(run):
    for picture in run.glob("r/*.png"):
        picture.unlink()
    assert shell("neat show r", run, MPLBACKEND="nope").returncode == 0
    assert (run / "r" / "fitness.png").exists()


@pytest.mark.parametrize(("columns", "term"), [(1, "xterm"), (8, "xterm"), (20, "xterm"), (70, "xterm"), (80, "dumb")])
def test_a_run_on_a_terminal(tmp_path, columns, term):
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    sized = {k: v for k, v in env().items() if k not in ("COLUMNS", "LINES")}  # pytest-xdist sets them
    process = subprocess.Popen(
        command(*RUN, "--out", "r"), cwd=tmp_path, env=sized | {"TERM": term}, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65536):
            seen += part
    except OSError:  # Linux says so that the other side has gone
        pass
    assert process.wait(60) == 1 and b"Traceback" not in seen, seen.decode()
    assert b"Not solved" in seen
    assert (b"\x1b[" in seen) == (columns >= 60 and term != "dumb")  # a panel where it fits


def test_numbers_of_any_size_are_short():
    assert number(1.5e308) == "1.5e+308" and number(-1e300) == "-1e+300" and number(123456.0) == "123,456"
    assert set(sparkline([-1.7e308, 0.0, 1.7e308], 3)) == set("▁▅█")
    assert sparkline([1.0, 2.0], -7) == sparkline([1.0, 2.0], 0) == "▁"
    huge = {"score": 1.7e308, "mean": -1.7e308, "min": -1.7e308, "max": 1.7e308, "episodes": 3}
    summary = {
        "generations": 1, "evaluations": 1, "seconds": 1.0, "stopped": "generations", "solved": False, "target": 1.0,
        "champion": {"hidden": 0, "connections": 1, "fitness": 1.7e308, "score": 1.7e308}, "test": huge,
    }  # fmt: skip

    class Any:
        task = type("Task", (), {"name": "x"})

    assert all(len(line) < 120 for line in closing_lines(summary, Any, None))


def test_messages_of_a_script_without_standard_error(tmp_path):
    """`evolve` from Python, as under pythonw: nothing goes to standard output in its stead."""
    code = (
        "import sys\nsys.stderr = None\nfrom experiments.evolution import evolve\n"
        "evolve('xor', generations=1, population=10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env(), capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
