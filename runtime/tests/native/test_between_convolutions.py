"""Operators between convolutions, where tensors carry padding, against LiteRT: int8 bit for bit, floats nearly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .oracle import check, check_close
from .single_op import RELU, SAME, VALID, Model, Quantized

pytestmark = pytest.mark.slow

Q = Quantized(0.1, 3)

Shape = tuple[int, ...]


class Floats(Model):
    """The graph of an int8 model in floats."""

    def tensor(self, shape: Any, type: str = "INT8", quantized: Quantized | None = None, **more: Any) -> int:  # noqa: A002
        return super().tensor(shape, type if quantized is None else "FLOAT32", **more)

    def constant(self, values: Any, type: str = "INT8", quantized: Quantized | None = None, **more: Any) -> int:  # noqa: A002
        if quantized is None:
            return super().constant(values, type, **more)
        return super().constant(np.asarray(values, np.float32) * quantized.scale, "FLOAT32", **more)


def convolution(model: Model, x: int, shape: Shape, channels: int, seed: int) -> tuple[int, Shape]:
    rng = np.random.default_rng(seed)
    w = model.constant(rng.integers(-127, 128, (channels, 3, 3, shape[3])), "INT8", Quantized(0.002))
    b = model.constant(rng.integers(-500, 500, channels), "INT32", Quantized(0.0002))
    out = (*shape[:3], channels)
    y = model.tensor(out, "INT8", Q)
    model.operator(
        "CONV_2D",
        [x, w, b],
        [y],
        "Conv2DOptions",
        version=3,
        padding=SAME,
        strideW=1,
        strideH=1,
        fusedActivationFunction=RELU,
    )
    return y, out


Step = Callable[[Model, int, Shape], tuple[int, Shape]]


def with_constants(
    operator: str, options: str, shaped: Callable[[Shape], Shape], *constants: Any, **fields: Any
) -> Step:
    def add(model: Model, x: int, shape: Shape) -> tuple[int, Shape]:
        inputs = [x, *(model.constant(np.asarray(values, np.int32), "INT32") for values in constants)]
        y = model.tensor(shaped(shape), "INT8", Q)
        model.operator(operator, inputs, [y], options, **fields)
        return y, shaped(shape)

    return add


def twice(model: Model, x: int, shape: Shape) -> tuple[int, Shape]:
    y = model.tensor((*shape[:3], 2 * shape[3]), "INT8", Q)
    model.operator("CONCATENATION", [x, x], [y], "ConcatenationOptions", version=2, axis=3)
    return y, (*shape[:3], 2 * shape[3])


def second_half(model: Model, x: int, shape: Shape) -> tuple[int, Shape]:
    out = (*shape[:3], shape[3] // 2)
    made = [model.tensor(out, "INT8", Q) for _ in range(2)]
    model.operator("SPLIT", [model.constant(3, "INT32"), x], made, "SplitOptions", version=2, numSplits=2)
    return made[1], out


def added(model: Model, x: int, shape: Shape) -> tuple[int, Shape]:
    y = model.tensor(shape, "INT8", Q)
    slopes = model.constant(np.arange(shape[3]), "INT8", Quantized(0.01))
    model.operator("ADD", [x, slopes], [y], "AddOptions", version=2)
    return y, shape


def padded_and_doubled(model: Model, x: int, shape: Shape) -> tuple[int, Shape]:
    """Padding that a depthwise convolution takes upon itself, with two outputs for each channel."""
    around = model.constant(np.asarray([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32), "INT32")
    padded, out = (shape[0], shape[1] + 3, shape[2] + 1, shape[3]), (shape[0], shape[1] + 1, shape[2], 2 * shape[3])
    between, y = model.tensor(padded, "INT8", Q), model.tensor(out, "INT8", Q)
    model.operator("PAD", [x, around], [between], "PadOptions", version=2)
    weights = np.random.default_rng(4).integers(-127, 128, (1, 3, 2, out[3]))
    w = model.constant(weights, "INT8", Quantized(0.01, axis=3))
    b = model.constant(np.arange(out[3]), "INT32", Quantized(0.001))
    options = {"padding": VALID, "strideW": 1, "strideH": 1, "depthMultiplier": 2}
    model.operator("DEPTHWISE_CONV_2D", [between, w, b], [y], "DepthwiseConv2DOptions", version=3, **options)
    return y, out


WINDOW = {"padding": SAME, "strideH": 2, "strideW": 2, "filterHeight": 3, "filterWidth": 3, "version": 2}
BETWEEN: dict[str, Step] = {
    "max_pool": with_constants(
        "MAX_POOL_2D", "Pool2DOptions", lambda s: (s[0], (s[1] + 1) // 2, (s[2] + 1) // 2, s[3]), **WINDOW
    ),
    "average_pool": with_constants(
        "AVERAGE_POOL_2D",
        "Pool2DOptions",
        lambda s: (s[0], s[1] - 1, s[2] - 2, s[3]),
        padding=VALID,
        strideH=1,
        strideW=1,
        filterHeight=2,
        filterWidth=3,
        version=2,
    ),
    "pad": with_constants(
        "PAD", "PadOptions", lambda s: (s[0], s[1] + 3, s[2] + 1, s[3]), [[0, 0], [1, 2], [0, 1], [0, 0]], version=2
    ),
    "pad_channels": with_constants(
        "PAD", "PadOptions", lambda s: (s[0], s[1] + 1, s[2], s[3] + 3), [[0, 0], [1, 0], [0, 0], [1, 2]], version=2
    ),
    "mirror_pad": with_constants(
        "MIRROR_PAD", "MirrorPadOptions", lambda s: (s[0], s[1] + 2, s[2] + 2, s[3]), [[0, 0], [1, 1], [1, 1], [0, 0]]
    ),
    "slice": with_constants("SLICE", "SliceOptions", lambda s: (s[0], 2, 3, 3), [0, 1, 1, 1], [-1, 2, 3, 3], version=2),
    "reverse": with_constants(
        "STRIDED_SLICE",
        "StridedSliceOptions",
        lambda s: s,
        [0] * 4,
        [0] * 4,
        [1, -1, -1, 1],
        beginMask=15,
        endMask=15,
        version=2,
    ),
    "transpose": with_constants(
        "TRANSPOSE", "TransposeOptions", lambda s: (s[0], s[2], s[1], s[3]), [0, 2, 1, 3], version=2
    ),
    "bilinear": with_constants(
        "RESIZE_BILINEAR",
        "ResizeBilinearOptions",
        lambda s: (s[0], 9, 7, s[3]),
        [9, 7],
        version=3,
        halfPixelCenters=True,
    ),
    "nearest": with_constants(
        "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", lambda s: (s[0], 9, 7, s[3]), [9, 7], version=3
    ),
    "depth_to_space": with_constants(
        "DEPTH_TO_SPACE", "DepthToSpaceOptions", lambda s: (s[0], 2 * s[1], 2 * s[2], s[3] // 4), blockSize=2, version=2
    ),
    "space_to_batch": with_constants(
        "SPACE_TO_BATCH_ND",
        "SpaceToBatchNDOptions",
        lambda s: (s[0] * 2, s[1], (s[2] + 2) // 2, s[3]),
        [1, 2],
        [[0, 0], [1, 1]],
        version=2,
    ),
    "tile": with_constants("TILE", "TileOptions", lambda s: (s[0], 2 * s[1], s[2], s[3]), [1, 2, 1, 1], version=2),
    "reshape": with_constants("RESHAPE", "ReshapeOptions", lambda s: (s[0], s[2], s[1], s[3]), [-1, 6, 5, 8]),
    "mean": with_constants("MEAN", "ReducerOptions", lambda s: (s[0], 1, s[2], s[3]), [1], keepDims=True, version=2),
    "largest": with_constants(
        "REDUCE_MAX", "ReducerOptions", lambda s: (s[0], 1, 1, s[3]), [1, 2], keepDims=True, version=2
    ),
    "batch_mean": with_constants("MEAN", "ReducerOptions", lambda s: (1, *s[1:]), [0], keepDims=True, version=2),
    "hard_swish": with_constants("HARD_SWISH", "HardSwishOptions", lambda s: s),
    "add": added,
    "pad_depthwise": padded_and_doubled,
    "concatenation": twice,
    "split": second_half,
}


def between(model: Model, name: str, batch: int) -> bytes:
    shape: Shape = (batch, 5, 6, 8)
    first, shape = convolution(model, model.input(shape, "INT8", Q), shape, 8, 1)
    side, _ = convolution(model, first, shape, 4, 2)  # wants padding around what the operator reads
    moved, shape = BETWEEN[name](model, first, shape)
    last, _ = convolution(model, moved, shape, 5, 3)
    return model.finish([side, last])


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", BETWEEN)
def test_between_convolutions(name: str, batch: int) -> None:
    check(between(Model(), name, batch))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", BETWEEN)
def test_between_convolutions_of_floats(name: str, batch: int) -> None:
    check_close(between(Floats(), name, batch))
