"""Whole runs through the command, in real processes: what they leave, how they end, how they go on."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.run_cases import ENDLESS, command, env, neat, outcome


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "endless.toml").write_text(ENDLESS)
    neat("run", "endless.toml", "--out", "run", "--quiet", "--threads", "1", cwd=folder, code=1)
    return folder


def test_a_run_leaves_what_it_should(whole):
    run = whole / "run"
    summary = json.loads((run / "summary.json").read_text())
    assert not summary["solved"] and summary["generations"] == 12 and summary["evaluations"] == 720
    assert summary["seed"] == 1 and set(summary["champion"]) >= {"nodes", "connections"}
    metrics, species, _ = outcome(run)
    assert len(metrics) == 13 and len(species.splitlines()) > 13
    sizes = {}
    for line in species.decode().splitlines()[1:]:
        generation, _, size = line.split(",")[:3]
        sizes[generation] = sizes.get(generation, 0) + int(size)
    assert set(sizes.values()) == {60} and len(sizes) == 12


def test_config_toml_repeats_the_run_with_any_number_of_threads(whole):
    neat("run", "run/config.toml", "--out", "again", "--quiet", "--threads", "3", cwd=whole, code=1)
    assert outcome(whole / "run") == outcome(whole / "again")


@pytest.mark.parametrize("after", [1, 5, 11])
def test_killed_and_resumed_is_the_same_run(whole, tmp_path, after):
    """kill -9 after some generations; the rest is recomputed bit for bit, with other threads."""
    (tmp_path / "endless.toml").write_text(ENDLESS)
    process = subprocess.Popen(
        command("run", "endless.toml", "--out", "run"), cwd=tmp_path, env=env(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    checkpoints = tmp_path / "run" / "checkpoints"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if (checkpoints / f"{after:08d}").exists():
            process.kill()
            break
        time.sleep(0.002)
    process.wait(30)
    neat("resume", "run", "--quiet", "--threads", "2", cwd=tmp_path, code=1)
    assert outcome(whole / "run") == outcome(tmp_path / "run")


def test_killed_before_the_first_checkpoint_starts_again(whole, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS)
    neat("run", "endless.toml", "--out", "run", "--quiet", cwd=tmp_path, code=1)
    for path in sorted((tmp_path / "run").rglob("*"), reverse=True):
        if path.name != "config.toml":
            path.rmdir() if path.is_dir() else path.unlink()
    done = neat("resume", "run", "--quiet", cwd=tmp_path, code=1)
    assert "starting again" in done.stderr
    assert outcome(whole / "run") == outcome(tmp_path / "run")


def test_ctrl_c_keeps_everything(whole, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS.replace("generations = 12", "generations = 100000"))
    process = subprocess.Popen(
        command("run", "endless.toml", "--out", "run"), cwd=tmp_path, env=env(), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "checkpoints" / "00000003").exists() and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Interrupted" in errors and "neat resume" in errors and "Traceback" not in errors
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    done = summary["generations"]
    assert summary["stopped"] == "interrupted" and done >= 3
    neat("resume", "run", "--generations", max(done, 12), "--quiet", cwd=tmp_path, code=1)
    metrics, _, _ = outcome(tmp_path / "run")
    assert metrics[:13] == outcome(whole / "run")[0] and len(metrics) == 1 + max(done, 12)


def test_further_generations_are_those_of_a_longer_run(whole, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS)
    neat("run", "endless.toml", "--out", "run", "--generations", 7, "--quiet", cwd=tmp_path, code=1)
    neat("resume", "run", "--generations", 12, "--quiet", cwd=tmp_path, code=1)
    assert outcome(whole / "run") == outcome(tmp_path / "run")


def test_a_folder_in_use_or_with_a_run_is_safe(whole, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS.replace("generations = 12", "generations = 0"))
    process = subprocess.Popen(
        command("run", "endless.toml", "--out", "run", "--quiet"), cwd=tmp_path, env=env(), stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "checkpoints" / "00000001").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "in use" in neat("run", "xor", "--out", "run", "--overwrite", cwd=tmp_path, code=2).stderr
        assert "in use" in neat("resume", "run", cwd=tmp_path, code=2).stderr
    finally:
        process.kill()
        process.wait(30)
    assert "holds a run" in neat("run", "xor", "--out", "run", cwd=tmp_path, code=2).stderr
    assert (tmp_path / "run" / "config.toml").read_text().count("CartPole") == 1
    neat("run", "xor", "--out", "run", "--overwrite", "--quiet", cwd=tmp_path)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["solved"]


def test_json_is_alone_on_stdout_and_the_champion_holds(tmp_path):
    done = neat("run", "cartpole", "--out", "run", "--json", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert summary == json.loads((tmp_path / "run" / "summary.json").read_text()) and summary["solved"]
    result = json.loads(neat("evaluate", "run", "--episodes", 5, "--json", cwd=tmp_path).stdout)
    assert result["mean"] >= 475 and result["min"] <= result["mean"] <= result["max"] and result["episodes"] == 5
    again = json.loads(neat("evaluate", "run", "--episodes", 5, "--json", cwd=tmp_path).stdout)
    assert again == result
    shown = neat("show", "run", cwd=tmp_path)
    assert "Solved" in shown.stdout
    for picture in ("network.png", "fitness.png", "species.png"):
        assert (tmp_path / "run" / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_last_checkpoint(whole, tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS)
    neat("run", "endless.toml", "--out", "run", "--generations", 5, "--quiet", cwd=tmp_path, code=1)
    kept = (tmp_path / "run" / "checkpoints" / "00000005" / "state.json").read_bytes()
    code = (
        "import experiments.checkpoint as c, errno\n"
        "def full(path, data):\n    raise OSError(errno.ENOSPC, 'No space left on device', str(path))\n"
        "c._write_synced = full\n"
        "from experiments.cli import main\nmain(['resume', 'run', '--generations', '12', '--quiet'])"
    )
    done = subprocess.run([command()[0], "-c", code], cwd=tmp_path, env=env(), capture_output=True, text=True)
    assert done.returncode == 3 and "No space left" in done.stderr and "generation 5 is kept" in done.stderr
    assert (tmp_path / "run" / "checkpoints" / "00000005" / "state.json").read_bytes() == kept
    neat("resume", "run", "--generations", 12, "--quiet", cwd=tmp_path, code=1)
    assert outcome(whole / "run") == outcome(tmp_path / "run")


def test_ctrl_c_while_breeding_ends_after_the_generation(whole, tmp_path):
    """What is half bred could not be resumed: not even a second Ctrl-C ends it."""
    (tmp_path / "endless.toml").write_text(ENDLESS)
    code = (
        "import os, signal\nfrom neat.state import State\nrenew, calls = State.renew_species, []\n"
        "def interrupted(self, *arguments):\n"
        "    calls.append(1)\n"
        "    result = renew(self, *arguments)\n"
        "    for _ in range(2 * (len(calls) == 4)):\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return result\n"
        "State.renew_species = interrupted\n"
        "from experiments.cli import main\nmain(['run', 'endless.toml', '--out', 'run', '--quiet'])"
    )
    done = subprocess.run([command()[0], "-c", code], cwd=tmp_path, env=env(), capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["generations"] == 4
    neat("resume", "run", "--quiet", cwd=tmp_path, code=1)
    assert outcome(whole / "run") == outcome(tmp_path / "run")


def test_a_reader_that_goes_away_ends_nothing(tmp_path):
    (tmp_path / "endless.toml").write_text(ENDLESS.replace("checkpoint_seconds = 0.0", ""))
    pipe = f"{' '.join(command('run', 'endless.toml', '--out', 'run'))} 2>&1 | head -1"
    done = subprocess.run(["bash", "-c", pipe], cwd=tmp_path, env=env(), capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("CartPole-v1: population 60")
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["generations"] == 12
