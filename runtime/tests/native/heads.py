"""Models whose outputs are known: whatever they are given, they put out the arrays that they were made with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .single_op import Model, Quantized

SIZE = 32


def head(outputs: Sequence[NDArray[Any]], shape: Sequence[int] = (1, SIZE, SIZE, 3)) -> bytes:
    """A float model with an input of `shape`; outputs in their order, each a constant plus nothing of the input."""
    model = Model()
    x = model.input(shape, "FLOAT32")
    flat = model.tensor((1, int(np.prod(shape))), "FLOAT32")
    model.operator("RESHAPE", [x, model.constant([1, -1], "INT32")], [flat])
    axis, mean = model.constant([1], "INT32"), model.tensor((1, 1), "FLOAT32")
    model.operator("MEAN", [flat, axis], [mean], "ReducerOptions", keepDims=True)
    return model.finish([_constant(model, mean, values) for values in outputs])


def _constant(model: Model, mean: int, values: NDArray[Any]) -> int:
    numbers = np.asarray(values, np.float32)
    weights = model.constant(np.zeros((numbers.size, 1)), "FLOAT32")
    flat, out = model.tensor((1, numbers.size), "FLOAT32"), model.tensor(numbers.shape, "FLOAT32")
    bias = model.constant(numbers.reshape(-1), "FLOAT32")
    model.operator("FULLY_CONNECTED", [mean, weights, bias], [flat], "FullyConnectedOptions")
    model.operator("RESHAPE", [flat, model.constant(numbers.shape, "INT32")], [out])
    return out


def identity(shape: Sequence[int], quantized: Quantized | None = None) -> bytes:
    """A model that gives what it takes; with a quantization, int8."""
    model = Model()
    kind = "FLOAT32" if quantized is None else "INT8"
    x = model.input(shape, kind, quantized)
    y = model.tensor((1, int(np.prod(shape))), kind, quantized)
    model.operator("RESHAPE", [x, model.constant([1, -1], "INT32")], [y])
    return model.finish([y])
