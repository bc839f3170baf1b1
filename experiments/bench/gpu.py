"""The GPU: its tests, then forward, closed loops, gradients and whole generations, kernel by kernel.

``python -m experiments.bench.gpu --json FILE`` runs from a bare checkout with numpy, numba, numba-cuda, cupy, pytest.
Every section is a process of its own, as an error of the GPU ends all that a process can do with it; figures are
written as they come, and what a section that fails had to say, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.bench.device.sections import SECTIONS, Sizes
from experiments.bench.harness import Benchmark, Figure
from experiments.errors import BadInput
from experiments.record import write_whole

__all__ = ["bench", "run_section"]

_ROOT = Path(__file__).parents[2]
_BUDGET, _TESTS, _LEAST = 460.0, 150.0, 8.0  # seconds of everything, of the tests, and to begin a section at all
_NO_TESTS = 5  # exit code of pytest where all are skipped or there are none
_PARTS = {"test_losses": 4, "test_rollout": 3, "test_forward": 3}  # of files that compile much, for the CPU, too
_WORDS = 8000  # characters that are kept of what a failure said


def bench(
    progress: Callable[[str], None],
    save: Callable[[Benchmark], Any] = lambda result: None,
    only: str = "",
) -> Benchmark:
    """Run the benchmark.

    Parameters
    ----------
    save : called after every section with what is known so far.
    only : sections whose names have this in them; empty: all, and the tests first.
    """
    from genomes.backend import cuda_problem

    problem = cuda_problem()
    if problem is not None:
        raise BadInput(f"the benchmark gpu: {problem}")
    result, begin = Benchmark("gpu", work()), time.monotonic()
    for name in ["tests", *SECTIONS]:
        if only not in name:
            continue
        passed = time.monotonic() - begin
        left = _BUDGET - passed
        if left < _LEAST:
            result.notes.append(f"{name}: left out, the time was up")
            continue
        progress(f"{passed:4.0f} s  {name}")
        if name == "tests":
            run_tests(result, min(left, _TESTS))
        else:
            run_process(result, name, min(left, SECTIONS[name].seconds))
        result.work["seconds"][name] = round(time.monotonic() - begin - passed, 1)
        save(result)
    return result


def work() -> dict[str, Any]:
    """What is measured, and on which machine."""
    from genomes.backend import device_name, multiprocessors

    return {
        "gpu": device_name(), "multiprocessors": multiprocessors(), "seconds": {}, "failed": {}
    } | vars(Sizes.here())  # fmt: skip


def run_section(name: str, file: Path) -> None:
    """Run one section here; its figures and notes are written to the file as they come, and its failure."""
    result = _Saved(file)
    try:
        SECTIONS[name].run(result, Sizes.here())
    except Exception:
        result.work["failed"] = {name: shortened(traceback.format_exc())}
    result.save()


class _Saved(Benchmark):
    """Writes itself with every figure."""

    def __init__(self, file: Path) -> None:
        super().__init__("gpu", {"failed": {}}, _Watched(self.save))
        self.file = file

    def save(self) -> None:
        """Write what is known."""
        known = {name: figure.as_dict() for name, figure in self.figures.items()}
        write_whole(self.file, json.dumps({"figures": known, "notes": self.notes} | self.work))


class _Watched(dict[str, Figure]):
    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.changed = changed

    def __setitem__(self, name: str, figure: Figure) -> None:
        super().__setitem__(name, figure)
        self.changed()


def shortened(text: str) -> str:
    """The beginning and the end: what failed first, and what it came to."""
    half = _WORDS // 2
    return text if len(text) <= _WORDS else f"{text[:half]}\n[...]\n{text[-half:]}"


def run_process(result: Benchmark, name: str, limit: float) -> None:
    """Run a section in a process of its own, and add what it found."""
    with tempfile.TemporaryDirectory() as folder:
        file, failure = Path(folder, "found.json"), ""
        command = [sys.executable, "-m", "experiments.bench.gpu", "--section", name, "--json", str(file)]
        try:
            done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=limit)
            if done.returncode:
                failure = f"exit code {done.returncode}: {shortened(done.stdout + done.stderr)}"
        except subprocess.TimeoutExpired:
            failure = f"not done after {limit:.0f} s"
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    result.figures |= {key: Figure(**values) for key, values in found.get("figures", {}).items()}
    result.notes += found.get("notes", [])
    result.work["failed"] |= found.get("failed", {}) | ({name: failure} if failure else {})


def run_tests(result: Benchmark, limit: float) -> None:
    """The tests of the GPU, the files and their parts side by side: most of their time goes into compiling."""
    with tempfile.TemporaryDirectory() as folder:
        running, deadline = [], time.monotonic() + limit
        for file in sorted((_ROOT / "tests" / "cuda").glob("test_*.py")):
            parts = _PARTS.get(file.stem, 1)
            for part in range(parts):
                said = Path(folder, file.stem if parts == 1 else f"{file.stem} {part + 1} of {parts}")
                running.append((said, start_tests(file, f"{part}/{parts}", said)))
        for said, process in running:
            try:
                code = process.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = -1
            text = said.read_text(encoding="utf-8")
            result.notes.append(f"tests: {said.name}: {outcome(text, code)}")
            if code not in (0, _NO_TESTS):
                result.work["failed"][said.name] = f"{outcome(text, code)}\n{shortened(text)}"


def start_tests(file: Path, part: str, said: Path) -> subprocess.Popen[bytes]:
    """Begin a part of a file's tests; what they say goes to another file."""
    command = [sys.executable, "-m", "pytest", "-v", "--tb=short", "--maxfail=8", "-o", "addopts="]
    environment = os.environ | {"PART_OF_TESTS": part, "PYTHONUNBUFFERED": "1"}
    with said.open("w", encoding="utf-8") as out:
        return subprocess.Popen(
            [*command, "-p", "no:cacheprovider", str(file)],
            cwd=_ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


def outcome(text: str, code: int) -> str:
    """What pytest came to: its last line, or how far it got until it was stopped."""
    if code == -1:
        return f"not done in time: {text.count(' PASSED')} passed, {text.count(' FAILED')} failed"
    lines = [line for line in text.splitlines() if "passed" in line or "failed" in line or "error" in line]
    return (lines or [f"exit code {code}, no result"])[-1].strip("= ")


def find_toolkit() -> None:
    """Name the CUDA toolkit whose compiler is here, where nobody has: without its wheel, NVVM is found there only."""
    nvcc = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    root = Path(nvcc).resolve().parents[1] if nvcc is not None else None
    if root is not None and (root / "nvvm").is_dir() and not {"CUDA_PATH", "CUDA_HOME"} & os.environ.keys():
        os.environ["CUDA_PATH"] = str(root)


def main() -> None:
    """Without the command line's libraries."""
    parser = argparse.ArgumentParser(description="Tests and figures of the GPU.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures, as they come")
    parser.add_argument("--only", default="", metavar="WORD", help="only the sections whose names have this in them")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)  # a process of this benchmark's own
    given = parser.parse_args()
    find_toolkit()
    if given.section:
        run_section(given.section, given.json)
        return

    def save(result: Benchmark) -> None:
        if given.json is not None:
            whole = result.as_dict() | {"notes": result.notes}
            write_whole(given.json, json.dumps(whole, indent=2) + "\n")

    try:
        result = bench(lambda text: print(text, file=sys.stderr, flush=True), save, given.only)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    for name, figure in result.figures.items():
        print(f"{name:44} {figure.median:14.6g} ({figure.min:.6g} .. {figure.max:.6g}) {figure.unit}")
    print("\n".join(result.notes))
    for name, failure in result.work["failed"].items():
        print(f"\n{name} failed:\n{failure}")


if __name__ == "__main__":
    main()
