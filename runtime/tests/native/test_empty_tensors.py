"""Tensors of no elements: operators give what LiteRT gives, or say that they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from .oracle import NativeError, check, check_close, run_native
from .single_op import SAME, Model, Quantized

Q = Quantized(0.1, 3)


def conv(model: Model) -> int:
    x = model.input((0, 5, 6, 3), "FLOAT32")
    w, b = model.constant(np.ones((4, 3, 3, 3)), "FLOAT32"), model.constant(np.ones(4), "FLOAT32")
    y = model.tensor((0, 3, 3, 4), "FLOAT32")
    model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", padding=SAME, strideW=2, strideH=2)
    return y


def add(model: Model) -> int:
    x, y = model.input((0, 3), "FLOAT32"), model.tensor((0, 3), "FLOAT32")
    model.operator("ADD", [x, model.constant(np.ones((1, 3)), "FLOAT32")], [y], "AddOptions")
    return y


def add_bytes(model: Model) -> int:
    x, y = model.input((2, 0), "UINT8", Q), model.tensor((2, 0), "UINT8", Q)
    model.operator("ADD", [x, model.input((2, 0), "UINT8", Q)], [y], "AddOptions")
    return y


def concatenation(model: Model) -> int:
    x, y = model.input((2, 0, 3), "INT8", Q), model.tensor((2, 4, 3), "INT8", Q)
    model.operator("CONCATENATION", [x, model.input((2, 4, 3), "INT8", Q)], [y], "ConcatenationOptions", axis=1)
    return y


def concatenation_of_nothing(model: Model) -> int:
    x, y = model.input((2, 0, 3), "FLOAT32"), model.tensor((2, 0, 3), "FLOAT32")
    model.operator("CONCATENATION", [x, model.input((2, 0, 3), "FLOAT32")], [y], "ConcatenationOptions", axis=1)
    return y


def shape(model: Model) -> int:
    x, y = model.input((2, 0, 3), "FLOAT32"), model.tensor((3,), "INT32")
    model.operator("SHAPE", [x], [y], "ShapeOptions", outType=2)
    return y


def shape_of_scalar(model: Model) -> int:
    x, y = model.input((), "FLOAT32"), model.tensor((0,), "INT32")
    model.operator("SHAPE", [x], [y], "ShapeOptions", outType=2)
    return y


def reshape(model: Model) -> int:
    x, y = model.input((2, 0, 3), "INT32"), model.tensor((0, 6), "INT32")
    model.operator("RESHAPE", [x, model.constant([-1, 6], "INT32")], [y], "ReshapeOptions")
    return y


def reduction(model: Model) -> int:
    x, y = model.input((0, 4, 3), "FLOAT32"), model.tensor((0, 3), "FLOAT32")
    model.operator("SUM", [x, model.constant([1], "INT32")], [y], "ReducerOptions")
    return y


def piece(model: Model) -> int:
    x, y = model.input((4, 3), "INT16"), model.tensor((0, 3), "INT16")
    model.operator("SLICE", [x, model.constant([1, 0], "INT32"), model.constant([0, 3], "INT32")], [y], "SliceOptions")
    return y


def number_of_frames(model: Model) -> int:
    """As tf.signal.frame has it: there are no axes behind the last, and their piece of the shape is a number's."""
    x, shape = model.input((2, 8), "FLOAT32"), model.tensor((2,), "INT32")
    before, length, behind = model.tensor((1,), "INT32"), model.tensor((1,), "INT32"), model.tensor((0,), "INT32")
    number, y = model.tensor((), "INT32"), model.tensor((), "INT32")
    model.operator("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    sizes = [model.constant([1, 1, 0], "INT32"), model.constant(np.array(0), "INT32")]
    model.operator("SPLIT_V", [shape, *sizes], [before, length, behind], "SplitVOptions", numSplits=3)
    model.operator("RESHAPE", [length, behind], [number])
    model.operator("FLOOR_DIV", [number, model.constant(np.array(3), "INT32")], [y])
    return y


def two_layers(model: Model) -> int:
    x = model.input((0, 4), "FLOAT32")
    h, y = model.tensor((0, 5), "FLOAT32"), model.tensor((0, 5), "FLOAT32")
    w, b = model.constant(np.ones((5, 4)), "FLOAT32"), model.constant(np.ones(5), "FLOAT32")
    model.operator("FULLY_CONNECTED", [x, w, b], [h], "FullyConnectedOptions")
    model.operator("LOGISTIC", [h], [y])
    return y


MADE = [
    conv, add, add_bytes, concatenation, concatenation_of_nothing, shape, reshape, reduction, piece, number_of_frames,
    two_layers,
]  # fmt: skip


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_as_litert(make: Callable[[Model], int]) -> None:
    model = Model()
    data = model.finish([make(model)])
    (check_close if make in (conv, two_layers) else check)(data)


LIMITS = [
    ("SUM", "FLOAT32"), ("SUM", "INT32"), ("SUM", "INT8"), ("MEAN", "FLOAT32"), ("MEAN", "INT32"),
    ("REDUCE_PROD", "FLOAT32"), ("REDUCE_PROD", "INT64"), ("REDUCE_MAX", "FLOAT32"), ("REDUCE_MAX", "INT8"),
    ("REDUCE_MIN", "INT32"), ("REDUCE_ANY", "BOOL"), ("REDUCE_ALL", "BOOL"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), LIMITS)
def test_a_reduction_of_nothing(name: str, kind: str) -> None:
    model, quantized = Model(), Q if kind == "INT8" else None
    x, y = model.input((0, 3), kind, quantized), model.tensor((3,), kind, quantized)
    model.operator(name, [x, model.constant([0], "INT32")], [y], "ReducerOptions")
    check(model.finish([y]))


@pytest.mark.parametrize(("name", "kind"), [("PAD", "FLOAT32"), ("PAD", "INT8"), ("PADV2", "FLOAT32")])
def test_a_pad_around_nothing(name: str, kind: str) -> None:
    model, quantized = Model(), Q if kind == "INT8" else None
    x, y = model.input((0, 3), kind, quantized), model.tensor((2, 5), kind, quantized)
    inputs = [x, model.constant([[1, 1], [1, 1]], "INT32")]
    inputs += [model.constant(7, kind)] if name == "PADV2" else []
    model.operator(name, inputs, [y], "PadOptions" if name == "PAD" else "PadV2Options")
    check(model.finish([y]))


def test_what_litert_says_nothing_of() -> None:
    model = Model()
    (found,) = run_native(model.finish([shape_of_scalar(model)]), [np.zeros((), np.float32)])
    assert found.shape == (0,)


def test_a_value_of_nothing_is_refused() -> None:
    model = Model()
    x, y = model.input((0, 3), "INT8", Q), model.tensor((3,), "INT8", Q)
    model.operator("MEAN", [x, model.constant([0], "INT32")], [y], "ReducerOptions")
    with pytest.raises(NativeError, match="has an input of no elements, and an output that has some"):
        run_native(model.finish([y]), [np.zeros((0, 3), np.int8)])


def test_a_free_size_may_be_none() -> None:
    model = Model()
    x, y = model.input((1, 3), "FLOAT32", signature=(-1, 3)), model.tensor((1, 3), "FLOAT32")
    model.operator("ADD", [x, x], [y], "AddOptions")
    data = model.finish([y])
    for rows in (0, 2):
        (found,) = run_native(data, [np.ones((rows, 3), np.float32)])
        assert found.shape == (rows, 3)


def test_other_dimensions_that_are_too_large() -> None:
    model = Model()
    x, y = model.input((0, 2**30, 1), "FLOAT32"), model.tensor((0, 2**30, 1), "FLOAT32")
    model.operator("ADD", [x, x], [y], "AddOptions")
    with pytest.raises(NativeError, match="other dimensions are too large"):
        run_native(model.finish([y]), [np.zeros((0, 2**30, 1), np.float32)])
