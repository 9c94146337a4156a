"""How close a board must come to the golden outputs; docs/bundle.md says why, and what was measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._model_format import model_format

from ._manifest import Golden, ModelEntry, Output

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph

EXACT, ONE_STEP = 0.0, 1.0
C_LIBRARY, FLOAT, QUANTIZED = 1e-5, 1e-3, 0.1

# Operators that the native engine gives to the C library where they are in float: its last bit is its own.
_C_LIBRARY_OPS = {"ELU", "EXP", "GELU", "LOG", "LOGISTIC", "LOG_SOFTMAX", "POW", "SIN", "COS", "SOFTMAX", "TANH"}
_ROUNDS_INSIDE = {"int8", "int16x8", "dynamic", "bf16"}


def output_tolerances(model: Path, graph: "ModelGraph", engine: str, goldens: Sequence[Golden]) -> tuple[Output, ...]:
    """Return a tolerance for each output: none for the native engine's own arithmetic."""
    tolerances = _native(graph) if engine == "native" else _of_wheels(model_format(model))
    return tuple(Output(tensor.name, _for_type(tensor.dtype, *tolerances)) for tensor in goldens[0].outputs)


def most_tolerated(model: ModelEntry, dtype: str) -> float:
    """Return the largest tolerance that `output_tolerances` gives to a type of output of such a model."""
    if model.engine != "native":
        return _for_type(dtype, *_of_wheels(model.format))
    return _for_type(dtype, ONE_STEP, C_LIBRARY) if _C_LIBRARY_OPS.intersection(model.operators) else EXACT


def _for_type(dtype: str, integers: float, floats: float) -> float:
    if dtype == "bool":  # it has no value that is one step from both
        return EXACT
    return floats if dtype.startswith("float") else integers


def _native(graph: "ModelGraph") -> tuple[float, float]:
    from edgequant_converters.graph import float_ops

    leaves_it = any(op.type in _C_LIBRARY_OPS for op in float_ops(graph))
    return (ONE_STEP, C_LIBRARY) if leaves_it else (EXACT, EXACT)


def _of_wheels(number_format: str | None) -> tuple[float, float]:
    return ONE_STEP, QUANTIZED if number_format in _ROUNDS_INSIDE else FLOAT
