"""Parameters: every wrong value is one clear error that names the key."""

import dataclasses

import pytest

from neat.params import PRESETS, NEATParams, ParameterError


def test_every_parameter_has_documentation_source_and_a_valid_default():
    for field in dataclasses.fields(NEATParams):
        assert field.metadata["doc"] and field.metadata["source"], field.name
    assert PRESETS["default"] == NEATParams()


@pytest.mark.parametrize(
    ("key", "value", "requirement"),
    [
        ("population", 1, "at least 2"),
        ("population", 150.0, "whole number"),
        ("population", True, "whole number"),
        ("add_node", 1.5, "between 0.0 and 1.0"),
        ("add_node", "0.1", "a number"),
        ("add_node", float("nan"), "finite"),
        ("weight_min", float("-inf"), "finite"),
        ("mode", "feedfoward", "did you mean 'feedforward'"),
        ("exclusive_mutation", 1, "true or false"),
        ("activations", "tanh", "list of strings"),
        ("activations", (), "at least one name"),
        ("activations", ("tanh", "tanh"), "distinct"),
        ("activations", ("tahn",), "tanh"),
        ("aggregations", ("summ",), "sum"),
        ("output_activation", "tahn", "tanh"),
        ("initial_layers", (3,), 'needs initial = "layers" or "fraction"'),
        ("initial", "layers", "at least one layer size"),
        ("weight_min", 50.0, "below weight_max"),
        ("weight_replace", 0.9, "must not exceed 1"),
        ("activations_per_step", 2, "feedforward"),
        ("time_step", 0.0, "above 0"),
        ("time_constant_min", 0.0, "above 0"),
        ("time_constant_min", 9.0, "below time_constant_max"),
        ("time_constant_replace", 0.9, "must not exceed 1"),
    ],
)
def test_a_wrong_value_names_key_and_requirement(key, value, requirement):
    with pytest.raises(ParameterError) as caught:
        NEATParams(**{key: value})
    assert requirement in str(caught.value)
    assert caught.value.key in (key, "initial_layers")


def test_lists_and_whole_numbers_become_the_fields_types():
    params = NEATParams(initial="layers", initial_layers=[3, 2], bias_input=1)
    assert params.initial_layers == (3, 2)
    assert type(params.bias_input) is float
    assert hash(params) == hash(dataclasses.replace(params))


def test_the_papers_preset_has_the_papers_figures():
    paper = PRESETS["neat-2002"]
    assert (paper.population, paper.compatibility_threshold, paper.weight_coefficient) == (150, 3.0, 0.4)
    assert (paper.add_node, paper.add_connection, paper.keep_disabled) == (0.03, 0.05, 0.75)
    assert paper.bias_input == 1.0 and not paper.allow_negative_fitness
