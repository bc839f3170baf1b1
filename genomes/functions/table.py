"""The one table: name -> code -> function. Files hold names, gene arrays hold codes, kernels hold the switch."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.functions import activations as functions
from genomes.functions.aggregations import AGGREGATIONS
from genomes.functions.derivatives import DERIVATIVES

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

# A code never changes its meaning: append, never reorder.
_BUILT_IN: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("identity", functions.identity),
    ("sigmoid", functions.sigmoid),
    ("tanh", functions.tanh),
    ("sin", functions.sin),
    ("gauss", functions.gauss),
    ("relu", functions.relu),
    ("elu", functions.elu),
    ("lelu", functions.lelu),
    ("selu", functions.selu),
    ("softplus", functions.softplus),
    ("clamped", functions.clamped),
    ("inv", functions.inv),
    ("log", functions.log),
    ("exp", functions.exp),
    ("abs", functions.absolute),
    ("hat", functions.hat),
    ("square", functions.square),
    ("cube", functions.cube),
    ("sigmoid-steep", functions.sigmoid_steep),
    ("gelu", functions.gelu),
    ("silu", functions.silu),
    ("softsign", functions.softsign),
    ("step", functions.step),
)
_FIRST_USER_CODE = 128
_LAST_CODE = 255

ACTIVATIONS: dict[str, int] = {name: code for code, (name, _) in enumerate(_BUILT_IN)}
_functions: dict[int, Callable[[Any], Any]] = {code: function for code, (_, function) in enumerate(_BUILT_IN)}
_derivatives: dict[int, Callable[[Any, Any], Any]] = {ACTIVATIONS[name]: f for name, f in DERIVATIVES.items()}
_declared: dict[str, int] = {}  # functions that files name, and this process has not
_switches: dict[str, Callable[..., Any]] = {}  # generated functions, until the table changes


class UnknownFunction(ValueError):
    """A network is to be computed whose activation function is known by name only."""

    def __init__(self, name: str) -> None:
        super().__init__(f"activation {name!r} is known here by its name only: run the code that registers it first")
        self.name = name


def activation_code(name: str) -> int:
    """The code of an activation function; `ValueError` names the nearest ones if there is none."""
    return _declared[name] if name in _declared else _code(ACTIVATIONS, name, "activation")


def known_activations() -> dict[str, int]:
    """Name -> code, those of `declare_activation` too."""
    return ACTIVATIONS | _declared


def aggregation_code(name: str) -> int:
    """The code of an aggregation function; `ValueError` names the nearest ones if there is none."""
    return _code(AGGREGATIONS, name, "aggregation")


def activation_name(code: int) -> str:
    """The name of an activation function; `ValueError` if no function has this code."""
    return _name(known_activations(), code, "activation")


def aggregation_name(code: int) -> str:
    """The name of an aggregation function; `ValueError` if no function has this code."""
    return _name(AGGREGATIONS, code, "aggregation")


def activation_function(name: str) -> Callable[[Any], Any]:
    """The scalar function of an activation: float32 to float32, not compiled."""
    code = activation_code(name)
    if code not in _functions:
        raise UnknownFunction(name)
    return _functions[code]


def own_activations() -> list[tuple[str, Callable[[Any], Any], Callable[[Any, Any], Any] | None]]:
    """What the user has registered: the arguments of `register_activation`, in the order of their codes."""
    own = sorted((code, name) for name, code in ACTIVATIONS.items() if code >= _FIRST_USER_CODE)
    return [(name, _functions[code], _derivatives.get(code)) for code, name in own]


def own_names(codes: Any) -> dict[int, str]:
    """The names of the user's activations among ``codes``: another process may know them by other codes."""
    if not len(codes) or int(codes.max()) < _FIRST_USER_CODE:
        return {}
    own = ((code, name) for name, code in known_activations().items() if code >= _FIRST_USER_CODE)
    return {code: name for code, name in own if bool((codes == code).any())}


def recoded(codes: Any, names: dict[int, str]) -> Any:
    """Codes of another process, whose `own_names` are given, as codes of this one.

    Raises
    ------
    ValueError : an activation is not registered here.
    """
    found = codes.copy()
    for code, name in names.items():
        if name not in known_activations():
            raise ValueError(f"activation {name!r} is not registered in this process: call register_activation first")
        found[codes == code] = known_activations()[name]
    return found


def without_derivative(codes: NDArray[np.uint8]) -> list[str]:
    """Names of the activations among these codes that gradients cannot go through."""
    return [activation_name(int(code)) for code in np.unique(codes) if int(code) not in _derivatives]


def declare_activation(name: str) -> int:
    """The code of an activation function that need not be here: genomes that have it can be read, described and drawn,
    but not computed (`UnknownFunction`) until it is registered. `ValueError` when the table is full."""
    if name not in ACTIVATIONS and name not in _declared:
        _declared[name] = _free_code()
    return activation_code(name)


def require_functions(codes: Any) -> None:
    """`UnknownFunction` where one of these codes [N] is that of a function which was only declared."""
    for name, code in _declared.items():
        if bool((codes == code).any()):
            raise UnknownFunction(name)


def register_activation(
    name: str, function: Callable[[Any], Any], derivative: Callable[[Any, Any], Any] | None = None
) -> int:
    """Add an activation function of the user's own, for every kernel; the same name again replaces it.

    Parameters
    ----------
    name : as it appears in parameters and files; not one of the built-in names.
    function : plain Python function of one number that returns one number and that Numba can compile: arithmetic,
        ``math``, conditions, other such functions. It gets and gives float32; what it computes inside is its own
        affair, but float32 constants (``np.float32(0.5)``) and no branches make it fast.
    derivative : such a function of the argument x and of the value ``function(x)``; needed for gradients alone.

    Returns
    -------
    int : its code, valid in this process. Files hold the name.

    Raises
    ------
    TypeError : the function does not take one argument, cannot be compiled, or does not return a number.
    ValueError : the name is not free, or there are 128 functions already.
    """
    code = ACTIVATIONS.get(name)
    if code is not None and code < _FIRST_USER_CODE:
        raise ValueError(f"activation {name!r} is built in; choose another name")
    if not name or not isinstance(name, str):
        raise ValueError(f"an activation needs a name, got {name!r}")
    if code is not None and _functions[code] is function and _derivatives.get(code) is derivative:
        return code
    _check_function(name, function)
    if code is None:
        code = _declared.pop(name) if name in _declared else _free_code()
    ACTIVATIONS[name] = code
    _functions[code] = function
    _derivatives.pop(code, None)
    if derivative is not None:
        _derivatives[code] = derivative
    _switches.clear()
    return code


def activation_switch() -> Callable[[Any, Any], Any]:
    """The scalar function ``activate(code, x)`` over the whole table; kernels are bound with it.

    It stays the same object until a function is registered. An unknown code is the identity.
    """
    body = [f"    if code == {code}: return float32(f{code}(x))" for code in sorted(_functions)]
    return _generate("activate", ["def activate(code, x):", *body, "    return x"])


def activation_rows_switch(rows: int) -> Callable[[Any, Any, Any], None]:
    """The function ``activate_rows(code, values, first)``: `activation_switch` on ``rows`` values in place.

    ``first``, the position of the first value, is uint64. A loop for each function, so that each vectorises.
    """
    lines = ["def activate_rows(code, values, first):"]
    for code in sorted(_functions):
        lines += [
            f"    if code == {code}:",
            "        for r in range(rows):",
            f"            values[first + r] = float32(f{code}(values[first + r]))",
        ]
    return _generate(f"activate_rows {rows}", lines, rows=np.uint64(rows))


def activation_slopes_switch(rows: int) -> Callable[[Any, Any, Any], None]:
    """As `activation_rows_switch`, for a buffer whose second half gets the derivatives at the same places.

    User functions have no derivative: theirs is NaN.
    """
    lines = ["def activate_rows(code, values, first):", "    slopes = first + uint64(values.shape[0] // 2)"]
    for code in sorted(_functions):
        slope = f"float32(d{code}(x, y))" if code in _derivatives else "nan"
        lines += [
            f"    if code == {code}:",
            "        for r in range(rows):",
            "            x = values[first + r]",
            f"            y = float32(f{code}(x))",
            "            values[first + r] = y",
            f"            values[slopes + r] = {slope}",
        ]
    constants = {f"d{code}": function for code, function in _derivatives.items()}
    nan = np.float32(np.nan)
    return _generate(
        f"activate_rows slopes {rows}", lines, rows=np.uint64(rows), uint64=np.uint64, nan=nan, **constants
    )


def _generate(key: str, lines: list[str], **constants: Any) -> Callable[..., Any]:
    if key not in _switches:
        scope: dict[str, Any] = {f"f{code}": function for code, function in _functions.items()}
        scope |= constants | {"float32": np.float32}
        exec("\n".join(lines), scope)
        _switches[key] = scope[key.split()[0]]
    return _switches[key]


def _free_code() -> int:
    code = max(_FIRST_USER_CODE - 1, *known_activations().values()) + 1
    if code > _LAST_CODE:
        raise ValueError(f"no more than {_LAST_CODE - _FIRST_USER_CODE + 1} activations can be registered")
    return code


def _code(table: dict[str, int], name: str, kind: str) -> int:
    try:
        return table[name]
    except (KeyError, TypeError):
        near = difflib.get_close_matches(str(name), table, n=3, cutoff=0.4) or sorted(table)
        raise ValueError(f"unknown {kind} {name!r}; did you mean {' or '.join(near)}?") from None


def _name(table: dict[str, int], code: int, kind: str) -> str:
    for name, known in table.items():
        if known == code:
            return name
    raise ValueError(f"no {kind} function has code {code}")


def _check_function(name: str, function: Callable[[Any], Any]) -> None:
    from genomes.kernels.binding import Kernel

    function = getattr(function, "py_func", function)
    if not inspect.isfunction(function):
        raise TypeError(f"activation {name!r} must be a plain Python function, got {function!r}")
    where = f"activation {name!r} ({function.__code__.co_filename}:{function.__code__.co_firstlineno})"
    if len(inspect.signature(function).parameters) != 1:
        raise TypeError(f"{where} must take one argument, it takes {inspect.signature(function)}")
    try:
        result = Kernel(function)(np.float32(0.5))
    except Exception as error:
        raise TypeError(f"{where} cannot be compiled: {error}") from error
    if not isinstance(result, int | float | np.number):
        raise TypeError(f"{where} must return a number, it returned {result!r}")
