"""How close a board must come to the golden outputs."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._model_format import model_format

from ._manifest import Golden, Output

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph

EXACT = 0.0
ONE_STEP = 1.0
FLOAT = 1e-3
QUANTIZED = 5e-2
C_LIBRARY = 1e-5

# Operators that the native engine gives to the C library where they are in float: its last bit is its own.
_C_LIBRARY_OPS = {"ELU", "EXP", "GELU", "LOG", "LOGISTIC", "LOG_SOFTMAX", "POW", "SIN", "COS", "SOFTMAX", "TANH"}
_ROUNDS_INSIDE = {"int8", "int16x8", "dynamic", "bf16"}


def output_tolerances(model: Path, graph: "ModelGraph", engine: str, goldens: Iterable[Golden]) -> tuple[Output, ...]:
    """Return a tolerance for each output, see docs/bundle.md: none for the native engine's own arithmetic."""
    from edgequant_converters.graph import float_ops

    first = next(iter(goldens))
    if engine == "native":
        leaves = any(op.type in _C_LIBRARY_OPS for op in float_ops(graph))
        integers, floats = (ONE_STEP, C_LIBRARY) if leaves else (EXACT, EXACT)
    else:
        integers, floats = ONE_STEP, QUANTIZED if model_format(model) in _ROUNDS_INSIDE else FLOAT
    return tuple(
        Output(tensor.name, floats if tensor.dtype.startswith("float") else integers) for tensor in first.outputs
    )
