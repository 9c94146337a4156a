"""Inputs that a user gives one value for all time: constants of the graph, which the written model does not take."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import onnx

from edgequant_converters._errors import SourceError

from ._onnx_file import graph_inputs, shape_of

_WRITTEN = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)", re.ASCII | re.IGNORECASE)


def fix_values(model: onnx.ModelProto, texts: Sequence[str], description: str) -> None:
    """Make constants of the inputs in texts such as "sr=16000": one number for all elements, or one for each.

    Raises SourceError for a text that is none, an unknown input, one whose sizes are free, numbers that do not fill its
    shape or that its type cannot hold, and where no input would be left.
    """
    for text in texts:
        _fix(model, text, description)
    if not graph_inputs(model):
        raise SourceError(f"{description} has no input left: leave one out of --input-value.")


def _fix(model: onnx.ModelProto, text: str, description: str) -> None:
    name, _, numbers = text.rpartition("=")
    inputs = {value.name: value for value in graph_inputs(model)}
    given = [_number(number, text) for number in numbers.split(",")]
    if name not in inputs:
        raise SourceError(f"{description} has no input '{name}': its inputs are {', '.join(inputs)}.")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(inputs[name].type.tensor_type.elem_type))
    if dtype.kind not in "biuf" and dtype != ml_dtypes.bfloat16:
        raise SourceError(f"{description}: the input '{name}' is {dtype}, which --input-value cannot give.")
    shape = [size for size in shape_of(inputs[name]) if size is not None]
    if len(shape) != len(shape_of(inputs[name])):
        raise SourceError(f"{description}: the input '{name}' has free sizes: fix them with --input-shape as well.")
    if len(given) not in (1, prod(shape)):
        raise SourceError(f"{description}: the input '{name}' has {prod(shape)} elements: give one number, or so many.")
    if not all(_fits(number, dtype) for number in given):
        raise SourceError(f"{description}: the input '{name}' is {dtype}, which {numbers} does not fit.")
    # An integer may have more digits than a float: it never becomes one.
    values = np.array([int(number) if dtype.kind in "biu" else float(number) for number in given], dtype)
    whole = np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)
    model.graph.initializer.append(onnx.numpy_helper.from_array(whole, name))
    model.graph.input.remove(inputs[name])


def _number(word: str, text: str) -> Decimal:
    try:
        # Decimal alone reads more: 1_0 as 10, and NaNs with digits or a signal in them.
        return Decimal(word if _WRITTEN.fullmatch(word.strip()) else "")
    except InvalidOperation as error:  # as of a number with an exponent of twenty digits
        raise SourceError(f"'{text}' is no value of an input: give its name and numbers, as sr=16000.") from error


def _fits(number: Decimal, dtype: np.dtype[Any]) -> bool:
    """Tell whether a type holds a number: integers exactly, floats rounded, but none of them becomes infinite."""
    if dtype.kind in "biu":
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return number.is_finite() and int(low) <= number <= int(high) and number == number.to_integral_value()
    with np.errstate(over="ignore"):
        return not number.is_finite() or bool(np.isfinite(np.array(float(number)).astype(dtype)))
