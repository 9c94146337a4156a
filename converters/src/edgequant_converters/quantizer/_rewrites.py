"""Operators without an integer kernel, or with one that is wrong, written as others that have a right one."""

import numpy as np

from edgequant_converters.ir import Graph, Operator, Tensor, constant

from ._grids import is_float
from ._plan import Wanted


def write_in_integer_operators(graph: Graph, wanted: Wanted) -> None:
    """Rewrite in place those operators that are wanted in integers.

    1. NEG becomes a product with -1: LiteRT's int8 kernel negates the stored bytes, whatever their zero point.
    2. A choice between constants (an attention mask) is made at once.
    3. SQUARE, and POW with the exponent 2, become the product of the input with itself: there is no int8 SQUARE.
    """
    _choose_constants(graph)
    for operator in graph.operators:
        if is_float(operator.output if operator.outputs else None) and wanted(operator) is not None:
            _rewrite(operator)


def _choose_constants(graph: Graph) -> None:
    for operator in list(graph.operators):
        result = operator.output if operator.outputs else None
        if result is None or result in graph.outputs or -1 in result.shape:
            continue
        if operator.code in ("SELECT", "SELECT_V2", "RESHAPE") and all(tensor.is_constant for tensor in operator.given):
            values = [tensor.values for tensor in operator.given]
            known = values[0].reshape(result.shape) if operator.code == "RESHAPE" else np.where(*values)
            graph.replace(result, constant(result.name, np.broadcast_to(known, result.shape)))
            graph.operators.remove(operator)


def _rewrite(operator: Operator) -> None:
    if operator.code == "NEG":
        _become_product(operator, operator.inputs[0], constant(f"{operator.output.name}/minus_one", -1, np.float32))
    elif operator.code == "SQUARE" or (operator.code == "POW" and _is_two(operator.input(1))):
        _become_product(operator, operator.inputs[0], operator.inputs[0])


def _become_product(operator: Operator, x: Tensor | None, y: Tensor | None) -> None:
    operator.code, operator.inputs, operator.options = "MUL", [x, y], {"fusedActivationFunction": "NONE"}


def _is_two(exponent: Tensor | None) -> bool:
    return exponent is not None and isinstance(exponent.data, np.ndarray) and bool(np.all(exponent.data == 2))
