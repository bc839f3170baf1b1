"""What is skipped is said, fails where nothing may be skipped, and can be run later. Asserts that never run fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow
FILES = {
    "conftest.py": "from tests.conftest import pytest_addoption, pytest_configure",
    "test_whole.py": "import pytest\npytest.importorskip('rarely')\n\ndef test_a(): pass\n\ndef test_b(): pass",
    "test_part.py": "import pytest\n\ndef test_c(): pass\n\ndef test_d(): pytest.importorskip('rarely')\n\n"
    "@pytest.mark.xfail\ndef test_e(): assert False\n\n"
    "@pytest.mark.slow\n@pytest.mark.parametrize('i', [1, 2])\ndef test_s(i): pass",
    "test_gpu.py": "import pytest\n\n@pytest.mark.skip(reason='no usable CUDA GPU was found')\ndef test_f(): pass",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "rarely.py").touch()
    return tmp_path


LOOPS = """
import pytest

@pytest.mark.parametrize("values", [[], [1]])
def test_entered_once(values):
    for value in values:
        assert value

@pytest.mark.parametrize("values", [(), []])
def test_never_entered(values):
    assert not values
    for value in values:
        assert value

def test_under_a_condition():
    def inner():
        assert False
    if False:
        inner()
"""


def run(folder, *options, extra=False):
    """(exit code, what is said) of pytest; with the module ``rarely`` on request."""
    paths = [str(ROOT), *([str(folder / "extra")] if extra else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_missing_tests_are_told_and_run_later(folder, workers):
    code, said = run(folder, *workers)
    assert code == 0 and "1 passed, 5 skipped, 1 xfailed" in said
    assert "could not import 'rarely' (2); slow (2)\n`make check` installs" in said
    assert "no usable CUDA GPU was found (1): few machines have a GPU" in said
    assert run(folder, "test_part.py", "-k", "test_c")[0] == 0  # a run of a part leaves the record alone
    code, said = run(folder, "--only-skipped", "--no-skips", *workers, extra=True)
    assert code == 0 and "5 passed" in said and "skipped" not in said and "xfailed" not in said


def test_all_tests_run_if_none_was_skipped(folder):
    code, said = run(folder, "--only-skipped", "--no-skips", extra=True)
    assert code == 0 and "6 passed, 1 skipped, 1 xfailed" in said
    assert "no usable CUDA GPU was found (1)" in said and "`make check`" not in said


def test_an_unexpected_skip_fails(folder):
    code, said = run(folder, "--no-skips", "test_part.py", "test_gpu.py")
    assert code == 1 and "1 failed, 3 passed, 1 skipped, 1 xfailed" in said
    assert "test_part.py::test_d was skipped, which --no-skips forbids: could not import 'rarely'" in said
    code, said = run(folder, "--no-skips", "-n", "1", "test_whole.py", "test_part.py")
    assert code == 1 and "test_whole.py was skipped, which --no-skips forbids" in said


@pytest.mark.parametrize("options", [["test_gpu.py"], ["--no-skips", "test_gpu.py"], ["test_whole.py", "-n", "1"]])
def test_a_run_of_no_test_fails(folder, options):
    assert run(folder, *options)[0] == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_asserts_that_never_run_fail(tmp_path, workers):
    (tmp_path / "conftest.py").write_text(FILES["conftest.py"])
    (tmp_path / "pytest.ini").write_text("[pytest]\nenable_assertion_pass_hook = true")
    (tmp_path / "test_loops.py").write_text(LOOPS)
    code, said = run(tmp_path, *workers)
    assert code == 1 and "5 passed" in said
    assert "no case of their test came to" in said and "test_loops.py:13\ntest_loops.py:17\n" in said
    assert "test_loops.py:7" not in said
    assert run(tmp_path, "-k", "entered_once", *workers)[0] == 0
