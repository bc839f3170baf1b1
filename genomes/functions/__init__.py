"""Activation and aggregation functions, each written once as a scalar float32 function for every device.

Read `activations`, `derivatives` and `aggregations` for the definitions, `elementary` for the mathematics below them,
`table` for names and codes.
"""

from genomes.functions.table import (
    ACTIVATIONS,
    AGGREGATIONS,
    UnknownFunction,
    activation_code,
    activation_function,
    activation_name,
    activation_rows_switch,
    activation_slopes_switch,
    activation_switch,
    aggregation_code,
    aggregation_name,
    declare_activation,
    known_activations,
    own_activations,
    own_names,
    recoded,
    register_activation,
    require_functions,
    without_derivative,
)

__all__ = [
    "ACTIVATIONS",
    "AGGREGATIONS",
    "UnknownFunction",
    "activation_code",
    "activation_function",
    "activation_name",
    "activation_rows_switch",
    "activation_slopes_switch",
    "activation_switch",
    "aggregation_code",
    "aggregation_name",
    "declare_activation",
    "known_activations",
    "own_activations",
    "own_names",
    "recoded",
    "register_activation",
    "require_functions",
    "without_derivative",
]
