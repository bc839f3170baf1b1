"""Exported code, run by Python and by a C compiler, computes what the network does."""

import ctypes
import random
import re
import shutil
import subprocess

import numpy as np
import pytest

from experiments.cli import _run
from genomes.export import NotExportable, Program, c_source, python_source
from genomes.export.reserved import is_reserved
from genomes.files import load_genome, load_scaling
from genomes.functions import ACTIVATIONS, AGGREGATIONS, activation_function, register_activation
from genomes.network import Network
from genomes.networks import MODES
from genomes.population import Genome
from genomes.scaling import Scaling
from tests import reference
from tests.run_cases import neat, read_pipe

COMPILER = shutil.which("cc")
SMOOTH = tuple(ACTIVATIONS[name] for name in ("identity", "sigmoid", "tanh", "sin", "gauss", "relu", "gelu"))
SCALING = Scaling(np.array([0.1, -0.2, 0.0], np.float32), np.array([2.0, 1.0, 30.0], np.float32), 1.5)


def as_python(program):
    scope = {}
    exec(compile(python_source(program), "exported", "exec"), scope)
    if not program.state:
        return scope["network"]
    state = scope["start"]()
    return lambda x: scope["network"](x, state)


def as_c(program, folder):
    (folder / "champion.h").write_text(c_source(program))
    state = "state, " if program.state else ""
    (folder / "champion.c").write_text(
        '#include "champion.h"\n'
        f"void call(const float *x, float *state, float *y) {{ (void)state; network(x, {state}y); }}\n"
    )
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-pedantic", "-Werror")
    command = (COMPILER, *strict, "-shared", "-fPIC", "champion.c", "-o", "champion.so", "-lm")
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    library = ctypes.CDLL(str(folder / "champion.so"))
    pointer = np.ctypeslib.ndpointer(np.float32)
    library.call.argtypes, library.call.restype = (pointer, pointer, pointer), None
    memory = np.zeros(program.state, np.float32)

    def call(x):
        y = np.full(program.num_outputs, np.nan, np.float32)
        library.call(np.array(x, np.float32), memory, y)
        return y

    return call


def runners(program, folder):
    yield as_python(program)
    if COMPILER:
        yield as_c(program, folder)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(4))
def test_networks_of_every_kind(mode, seed, tmp_path):
    rng = random.Random(seed)
    genome = reference.random_genome(
        rng, num_hidden=3 * seed, activations=SMOOTH, aggregations=tuple(AGGREGATIONS.values()),
        bias_input=0.5 if seed == 1 else None, num_inputs=4 if seed == 1 else 3, **reference.dynamics(mode),
    )  # fmt: skip
    settings = dict(mode=mode, activations_per_step=1 + 2 * (seed % 2) * (mode != "feedforward"))
    settings |= dict(time_step=0.3) if mode == "ctrnn" else {}
    scaling = SCALING if seed > 1 else None
    for exported in runners(Program.of(genome, scaling=scaling, **settings), tmp_path):
        network = Network(genome, scaling=scaling, **settings)
        for _ in range(10):
            x = [rng.gauss(0, 1) for _ in range(3)]
            np.testing.assert_allclose(exported(x), network(x), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name, tmp_path):
    genome = chain([ACTIVATIONS[name]])
    known = activation_function(name)
    values = [0.0, -0.0, 1e-8, 1e30, -1e30, *np.linspace(-30, 30, 101)]
    for exported in runners(Program.of(genome), tmp_path):
        for x in values:
            with np.errstate(over="ignore"):
                expected = float(known(np.float32(x)))
            found = float(exported([float(np.float32(x))])[0])
            if np.isfinite(expected):
                assert found == pytest.approx(expected, rel=1e-4, abs=1e-4), x  # our tanh is within 1.6e-5
        assert np.isnan(exported([float("nan")])[0])


def chain(activations):
    """One input, and nodes one after the other with weight 1; the last is the output."""
    count = len(activations)
    ids = [0, 1, *range(2, count + 1)]
    path = [0, *range(2, count + 1), 1]
    return Genome(
        1, 1, np.array(ids, np.int32), np.zeros(count + 1, np.float32),
        np.array([0, activations[-1], *activations[:-1]], np.uint8), np.zeros(count + 1, np.uint8),
        np.arange(count, dtype=np.int32), np.array(path[:-1], np.int32), np.array(path[1:], np.int32),
        np.ones(count, np.float32), np.ones(count, np.bool_), bias_input=None,
    )  # fmt: skip


def test_large_networks_are_no_trouble(tmp_path):
    rng = random.Random(0)
    genome = reference.random_genome(rng, num_inputs=3000, num_outputs=2, num_hidden=30, density=0.9, activations=(2,),
                                     aggregations=(AGGREGATIONS["sum"], AGGREGATIONS["max"]))  # fmt: skip
    x = [rng.gauss(0, 0.1) for _ in range(3000)]
    for exported in runners(Program.of(genome), tmp_path):
        np.testing.assert_allclose(exported(x), Network(genome)(x), atol=1e-3)


def test_a_function_of_the_users_is_refused():
    register_activation("thrice", lambda x: np.float32(3.0) * x)
    with pytest.raises(NotExportable, match="'thrice'"):
        Program.of(chain([ACTIVATIONS["thrice"]]))


@pytest.mark.parametrize(
    "line",
    ["*/ #error", "*\\\n/ #error", "/* a", "a\\", "??/", 'a"""', '"', "a\0b", "a\rb", "\u202eb", "\ud800", "a " * 200],
)
def test_names_of_the_users_stay_in_the_comment(line, tmp_path):
    program = Program.of(chain([ACTIVATIONS["relu"]]), about=(line, "/ next", line))
    for exported in runners(program, tmp_path):
        assert exported([2.0])[0] == 2.0


@pytest.mark.skipif(not COMPILER, reason="needs a C compiler")
@pytest.mark.parametrize("suffix", ["c", "cpp"])
def test_two_headers_in_a_program(suffix, tmp_path):
    (tmp_path / "one.h").write_text(c_source(Program.of(chain([ACTIVATIONS["relu"]])), "one"))
    (tmp_path / "two.h").write_text(c_source(Program.of(chain([ACTIVATIONS["square"]] * 2)), "two"))
    (tmp_path / f"main.{suffix}").write_text(
        '#include "one.h"\n#include "two.h"\n#include "one.h"\n'
        "int main(void) { float x[ONE_INPUTS] = {2}, a[1], b[TWO_OUTPUTS]; one(x, a); two(x, b);\n"
        "return a[0] == 2 && b[0] == 16 ? 0 : 1; }\n"
    )
    command = (COMPILER, "-Wall", "-Wextra", "-pedantic", "-Werror", f"main.{suffix}", "-o", "main", "-lm")
    subprocess.run(command, cwd=tmp_path, check=True)
    subprocess.run(tmp_path / "main", check=True)


@pytest.mark.skipif(not COMPILER, reason="needs a C compiler")
def test_two_headers_of_one_name_are_not_mistaken_for_each_other(tmp_path):
    for name, activation in (("one", "relu"), ("two", "square")):
        (tmp_path / f"{name}.h").write_text(c_source(Program.of(chain([ACTIVATIONS[activation]]))))
    (tmp_path / "main.c").write_text('#include "one.h"\n#include "two.h"\n')
    done = subprocess.run((COMPILER, "-c", "main.c"), cwd=tmp_path, capture_output=True, text=True)
    assert "redefinition of" in done.stderr


@pytest.mark.parametrize("name", ["int", "double", "main", "tanhf", "y0", "M_PI", "NAN", "class", "typeof", "unix"])
def test_names_that_no_compiler_takes_are_refused(name):
    with pytest.raises(NotExportable, match=name):
        c_source(Program.of(chain([ACTIVATIONS["relu"]])), name)


@pytest.mark.skipif(not COMPILER, reason="needs a C compiler")
def test_names_of_the_compilers_own_header_are_refused(tmp_path):
    (tmp_path / "math.c").write_text("#include <math.h>\n")
    macros = subprocess.check_output((COMPILER, "-dM", "-E", "math.c"), cwd=tmp_path, text=True)
    text = subprocess.check_output((COMPILER, "-E", "math.c"), cwd=tmp_path, text=True)
    names = set(re.findall(r"#define (\w+)", macros)) | set(re.findall(r"extern \w+ (\w+) \(", text))
    names = {name for name in names if not name.startswith("_")}
    assert len(names) > 50 and not {name for name in names if not is_reserved(name)}


@pytest.mark.skipif(not COMPILER, reason="needs a C compiler")
@pytest.mark.parametrize("suffix", ["c", "cpp"])
def test_names_that_are_taken_compile(suffix, tmp_path):
    names = ["x", "y", "k", "state", "n2", "flower", "scaled", "value", "Main", "size", "float32"]
    for name in names:
        (tmp_path / f"{name}.h").write_text(c_source(Program.of(chain([ACTIVATIONS["relu"]] * 2)), name))
    (tmp_path / f"all.{suffix}").write_text("".join(f'#include "{name}.h"\n' for name in names))
    subprocess.run((COMPILER, "-c", f"all.{suffix}"), cwd=tmp_path, check=True)


def test_the_command(tmp_path):
    neat("run", "cartpole", "--out", "run", "--quiet", cwd=tmp_path)
    champion = tmp_path / "run" / "champion.json"
    network = Network(load_genome(champion), scaling=load_scaling(champion))
    neat("export", "run", cwd=tmp_path)
    neat("export", "run", "--to", "c", "--out", "controller.h", cwd=tmp_path)
    scope = {}
    exec((tmp_path / "run" / "champion.py").read_text(), scope)
    assert scope["network"]([0.1, 0.2, 0.3, 0.4]) == pytest.approx(network([0.1, 0.2, 0.3, 0.4]).tolist(), abs=1e-4)
    header = (tmp_path / "controller.h").read_text()
    assert "as in envs.control.cartpole" in header
    assert "push > ZERO" in header  # how a number becomes an action
    assert "observations of Gymnasium's CartPole-v1" in header


def test_a_table_of_ones_own(tmp_path, capsys):
    rows = [f"{k % 3 + 0.01 * k},{k % 7},{'ab*'[k % 3]}/" for k in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["long,*/,kind", *rows]) + "\n")
    neat("run", "mine.csv", "--out", "run", "--set", "run.generations=1", "--quiet", cwd=tmp_path)
    folder = str(tmp_path / "run")
    assert _run(["export", folder]) == 0
    text = (tmp_path / "run" / "champion.py").read_text()
    assert "unscaled: 0 long, 1 */" in text
    assert "0 */, 1 a/, 2 b/" in text
    (tmp_path / "mine.csv").unlink()
    assert _run(["export", folder, "--to", "c", "--name", "flower"]) == 0
    text = (tmp_path / "run" / "champion.h").read_text()
    assert "not known here:" in text
    assert "void flower(" in text
    assert "network" not in text
    for arguments in (["--name", "flower"], ["--to", "c", "--name", "a b"], ["--to", "c", "--name", ""]):
        assert _run(["export", folder, *arguments]) == 2
        assert "--name" in capsys.readouterr().err


def test_what_is_there_is_written_into(tmp_path):
    neat("run", "xor", "--out", "run", "--set", "run.generations=1", "--quiet", cwd=tmp_path, code=None)
    (tmp_path / "file.py").touch()
    (tmp_path / "link.py").symlink_to("file.py")
    reader, read = read_pipe(tmp_path / "pipe")
    for name in ("link.py", "pipe"):
        assert _run(["export", str(tmp_path / "run"), "--out", str(tmp_path / name)]) == 0
    reader.join(10)
    assert read == [(tmp_path / "file.py").read_text()]
    assert (tmp_path / "link.py").is_symlink() and (tmp_path / "pipe").is_fifo()


def test_bad_input(tmp_path, capsys):
    assert _run(["export", str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err
    (tmp_path / "config.toml").write_text('[task]\nname = "xor"\n')
    assert _run(["export", str(tmp_path)]) == 2
    assert "champion.json: is missing" in capsys.readouterr().err
