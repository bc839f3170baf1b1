"""Configurations: what is wrong gives one line with file, key, value and what would be right."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.config import load_config, preset_names, read_config
from experiments.errors import BadInput


def refused(tmp_path, text, overrides=()):
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput) as caught:
        read_config(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_read(name):
    assert load_config(name).run.name == name


XOR = '[task]\nname = "xor"\n'


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (XOR + "[neat]\npopultion = 5", ["mine.toml", "neat.popultion", "5", "'population'"]),
        (XOR + "[neat]\npopulation = 1", ["mine.toml", "neat.population = 1", "at least 2"]),
        (XOR + "[neat]\npopulation = true", ["neat.population = true", "whole number"]),
        (XOR + "[neat]\npopulation = 1.5", ["neat.population = 1.5", "whole number"]),
        (XOR + "[neat]\nadd_node = nan", ["neat.add_node", "finite"]),
        (XOR + "[neat]\nadd_node = inf", ["neat.add_node", "finite"]),
        (XOR + "[neat]\nadd_node = 2", ["neat.add_node = 2.0", "between 0"]),
        (XOR + '[neat]\npreset = "neat-2001"', ["neat.preset", "neat-2001", "'neat-2002'"]),
        (XOR + "[neat]\nweight_min = 40", ["neat.weight_min = 40.0", "weight_max"]),
        (XOR + '[neat]\nactivations = ["tahn"]', ["neat.activations", "tahn", "tanh"]),
        (XOR + "[run]\npopulation = 5", ["run.population = 5", "'neat.population'"]),
        (XOR + "[run]\nseed = -1", ["run.seed = -1", "between 0"]),
        (XOR + "[run]\nevaluations = 10", ["run.evaluations = 10", "neat.population = 150"]),
        (XOR + '[run]\nname = "a/b"', ["run.name", "a/b", "letters"]),
        (XOR + '[run]\ndevice = "cuda"', ["run.device", "cuda", '"auto"']),
        (XOR + "[rnu]\nseed = 1", ["mine.toml", "rnu", "'run'"]),
        (XOR + "episodes = 3", ["task.episodes = 3", "unknown key"]),
        ("run = 3\n" + XOR, ["run = 3", "section"]),
        ("seed = 3\n" + XOR, ["'seed'", "'run.seed'"]),
        ('[task]\nname = "CartPole"', ["task.name", "CartPole", "'CartPole-v1'"]),
        ('[task]\nname = "CartPole-v1"\nepisodes = 0', ["task.episodes = 0", "at least 1"]),
        ('[task]\nname = "a:b"\n', ["task.inputs", "at least 1"]),
        ('[task]\nname = "absent_module:f"\ninputs = 1\noutputs = 1', ["absent_module:f", "no module"]),
        ("", ["task.name", "must be"]),
        (XOR + "[run]\nseed = ", ["mine.toml", "not TOML", "line 4"]),
        (b"\xff\xfe", ["mine.toml", "UTF-8"]),
        ("a = " + "[" * 5000, ["not TOML"]),
        (XOR + "[run]\nseed = " + "9" * 5000, ["mine.toml"]),
        (XOR + "[run]\nseed = 0x" + "f" * 9000, ["run.seed", "2**64"]),
        (XOR + "[neat]\nadd_node = 0x" + "f" * 9000, ["neat.add_node", "2**64"]),
        (XOR + "[neat]\nactivations = [0x" + "f" * 9000 + "]", ["neat.activations"]),
    ],
)
def test_mistakes_are_named(tmp_path, text, parts, no_gpu):
    message = refused(tmp_path, text)
    for part in parts:
        assert part in message, message


def test_mistakes_of_options_name_the_option(tmp_path):
    assert "--set neat.popultion=5" in refused(tmp_path, XOR, ["neat.popultion=5"])
    assert "KEY=VALUE" in refused(tmp_path, XOR, ["population"])
    assert "'neat.population'" in refused(tmp_path, XOR, ["population=4"])


def test_set_reads_toml_else_a_string(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(XOR)
    config = read_config(path, ["neat.population=30", "neat.representative=champion", 'neat.activations=["relu"]'])
    assert (config.neat.population, config.neat.representative) == (30, "champion")
    assert config.neat.activations == ("relu",)
    assert read_config(path, ["neat.add_node=1"]).neat.add_node == 1.0  # whole numbers are numbers


def test_a_text_stays_a_text_where_it_looks_like_a_number(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[task]\nname = "iris"\n')
    for value in ("0", "2020", "1.50", "true", "1979-05-27", '"0"'):
        assert read_config(path, [f"task.column={value}"]).task.column == value.strip('"')
        assert read_config(path, [f"run.name={value}"]).run.name == value.strip('"')
    assert read_config(path, ["neat.population=30"]).neat.population == 30
    message = refused(tmp_path, '[task]\nname = "iris"\ncolumn = 0\n')
    assert 'task.column = 0: must be a string: "0"' in message


def test_a_file_that_is_not_there(tmp_path):
    for name in ("no-such-preset", str(tmp_path / "none.toml"), str(tmp_path)):
        with pytest.raises(BadInput):
            load_config(name)


@pytest.mark.parametrize("name", preset_names())
def test_the_resolved_file_repeats_the_configuration(tmp_path, name):
    config = load_config(name, ["neat.add_node=0.1", "run.minutes=3"])
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml(tmp_path))
    again = read_config(path)
    sections = [c.sections() for c in (config, again)]
    for section in sections:
        section["task"].pop("folder", None)  # from the file's place
    assert sections[0] == sections[1]
    assert again.digest() == config.digest()


def test_a_module_of_the_users_is_found_from_the_run_folder(tmp_path):
    (tmp_path / "my_own_task.py").write_text("def fitness(net): return 0.0\n")
    path = tmp_path / "mine.toml"
    path.write_text('[task]\nname = "my_own_task:fitness"\ninputs = 2\noutputs = 1\n')
    config = read_config(path, trust=True)
    run_folder = tmp_path / "runs" / "a"
    run_folder.mkdir(parents=True)
    (run_folder / "config.toml").write_text(config.to_toml(run_folder))
    assert read_config(run_folder / "config.toml", trust=True).folder == tmp_path.resolve()
    with pytest.raises(BadInput, match="'fitness'"):
        read_config(path, ["task.name=my_own_task:fitnes"], trust=True)


def test_limits_do_not_change_what_a_checkpoint_fits():
    config = load_config("xor")
    assert config.replace_run(generations=7, threads=2).digest() == config.digest()
    assert config.replace_run(seed=2).digest() != config.digest()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["task.name", "neat.population", "neat.activations", "run.seed", "run.name", "neat.preset"])
keys = names | st.text(string.printable, max_size=12)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys, value=values | st.text(), as_option=st.booleans())
def test_no_setting_gives_a_traceback(tmp_path, key, value, as_option):
    path = tmp_path / "mine.toml"
    path.write_text(XOR)
    try:
        if as_option:
            read_config(path, options={key: ("--option", value)})
        else:
            read_config(path, [f"{key}={value}"])
    except BadInput as error:
        assert str(error) and "\n" not in str(error)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), junk=st.binary(max_size=6))
def test_no_damaged_file_gives_a_traceback(tmp_path, cut, junk):
    text = load_config("cartpole").to_toml(tmp_path).encode()
    path = tmp_path / "mine.toml"
    path.write_bytes(text[:cut] + junk + text[cut + 1 :])
    try:
        read_config(path)
    except BadInput as error:
        assert "mine.toml" in str(error) and "\n" not in str(error)
