"""Operators that move values and change none, against LiteRT, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import NUMPY_TYPES, Model, Quantized

pytestmark = pytest.mark.slow

KINDS = st.sampled_from(["INT8", "INT8", "UINT8", "INT32", "INT64", "FLOAT32", "BOOL"])
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=5).map(tuple)
IMAGES = st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8), st.integers(1, 20))
SEEDS = st.integers(0, 2**32 - 1)
Q = Quantized(0.1, 3)

Shape = tuple[int, ...]


def quantized(kind: str) -> Quantized | None:
    return Q if kind in ("INT8", "UINT8") else None


def single(
    operator: str,
    shape: Shape,
    constants: Sequence[Any],
    outputs: Sequence[Shape],
    options: str | None = None,
    *,
    kind: str = "INT8",
    **fields: Any,
) -> bytes:
    """One operator whose other inputs are int32 constants."""
    model = Model()
    x = model.input(shape, kind, quantized(kind))
    inputs = [x, *(model.constant(np.asarray(values, np.int32), "INT32") for values in constants)]
    made = [model.tensor(out, kind, quantized(kind)) for out in outputs]
    model.operator(operator, inputs, made, options, **fields)
    return model.finish(made)


# ---- slices ----


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_slice(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    begin = [data.draw(st.integers(0, size - 1)) for size in shape]
    length = [data.draw(st.integers(1, size - first)) for size, first in zip(shape, begin)]
    asked = [-1 if kind == "BOOL" and first + n == size else n for first, n, size in zip(begin, length, shape)]
    check(single("SLICE", shape, [begin, asked], [tuple(length)], "SliceOptions", kind=kind, version=3), seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_strided_slice(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    """numpy says what the shape is, so that no slice is empty."""
    begin, end, stride, index = [], [], [], []
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
    for axis, size in enumerate(shape[: data.draw(st.integers(1, len(shape)))]):
        begin.append(data.draw(st.integers(-size, size - 1)))
        end.append(data.draw(st.integers(-size - 1, size + 1)))
        stride.append(data.draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])))
        for name in ("beginMask", "endMask"):
            masks[name] |= data.draw(st.booleans()) << axis
        start = None if masks["beginMask"] >> axis & 1 else begin[-1]
        stop = None if masks["endMask"] >> axis & 1 else end[-1]
        part: slice | int = slice(start, stop, stride[-1])
        if stride[-1] == 1 and data.draw(st.integers(0, 4)) == 0:
            masks["shrinkAxisMask"] |= 1 << axis
            part = 0 if start is None else start
        index.append(part)
    out = np.empty(shape)[tuple(index)]
    assume(out.size > 0 and (len(begin) < len(shape) or not any(e == 0 for e in end)))
    model = single(
        "STRIDED_SLICE", shape, [begin, end, stride], [out.shape], "StridedSliceOptions", kind=kind, version=4, **masks
    )
    check(model, seed=seed)


@given(shape=st.tuples(*[st.integers(2, 5)] * 4), kind=KINDS, seed=SEEDS)
@examples(4)
def test_strided_slice_with_ellipsis_and_new_axis(shape: Shape, kind: str, seed: int) -> None:
    """x[..., newaxis, 1:2] and x[newaxis, 1, ...]"""
    first = single(
        "STRIDED_SLICE",
        shape,
        [[0, 0, 1], [0, 0, 2], [1, 1, 1]],
        [(*shape[:3], 1, 1)],
        "StridedSliceOptions",
        kind=kind,
        version=6,
        ellipsisMask=1,
        newAxisMask=2,
    )
    check(first, seed=seed)
    second = single(
        "STRIDED_SLICE",
        shape,
        [[0, 1, 0], [0, 2, 0], [1, 1, 1]],
        [(1, *shape[1:])],
        "StridedSliceOptions",
        kind=kind,
        version=6,
        ellipsisMask=4,
        newAxisMask=1,
        shrinkAxisMask=2,
    )
    check(second, seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_split(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    assume(kind != "BOOL")
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.integers(1, 5))
    whole = tuple(size * count if i == axis else size for i, size in enumerate(shape))
    model = Model()
    which = model.constant(np.array(axis), "INT32")
    x = model.input(whole, kind, quantized(kind))
    made = [model.tensor(shape, kind, quantized(kind)) for _ in range(count)]
    model.operator("SPLIT", [which, x], made, "SplitOptions", version=2, numSplits=count)
    check(model.finish(made), seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_split_v(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    assume(kind != "BOOL")
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any))
    place = axis % len(shape)
    shapes = [(*shape[:place], size, *shape[place + 1 :]) for size in sizes]
    whole = (*shape[:place], sum(sizes), *shape[place + 1 :])
    asked = [-1, *sizes[1:]] if data.draw(st.booleans()) else sizes
    model = single("SPLIT_V", whole, [asked, axis], shapes, "SplitVOptions", kind=kind, version=2, numSplits=len(sizes))
    check(model, seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_unpack(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    assume(kind != "INT64")
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    place = axis % len(shape)
    rest = (*shape[:place], *shape[place + 1 :])
    model = single(
        "UNPACK", shape, [], [rest] * shape[place], "UnpackOptions", kind=kind, version=4, num=shape[place], axis=axis
    )
    check(model, seed=seed)


# ---- several inputs ----


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_concatenation(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=7))
    place = axis % len(shape)
    model = Model()
    inputs = [model.input((*shape[:place], n, *shape[place + 1 :]), kind, quantized(kind)) for n in sizes]
    y = model.tensor((*shape[:place], sum(sizes), *shape[place + 1 :]), kind, quantized(kind))
    model.operator("CONCATENATION", inputs, [y], "ConcatenationOptions", version=3, axis=axis)
    check(model.finish([y]), seed=seed)


@given(
    scales=st.lists(st.floats(0.01, 0.1), min_size=1, max_size=4),
    zero_points=st.lists(st.integers(0, 255), min_size=5, max_size=5),
    seed=SEEDS,
)
@examples()
def test_concatenation_of_other_scales(scales: list[float], zero_points: list[int], seed: int) -> None:
    """As old uint8 files have it. LiteRT refuses that for int8, where this engine computes the same."""
    model = Model()
    inputs = [model.input((2, 30), "UINT8", Quantized(*q)) for q in zip(scales, zero_points)]
    y = model.tensor((2, 30 * len(scales)), "UINT8", Quantized(0.07, zero_points[4]))
    model.operator("CONCATENATION", inputs, [y], "ConcatenationOptions", axis=1)
    check(model.finish([y]), seed=seed)


@given(data=st.data(), shape=st.lists(st.integers(1, 6), max_size=4).map(tuple), kind=KINDS, seed=SEEDS)
@examples()
def test_pack(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    assume(kind != "BOOL")
    axis, count = data.draw(st.integers(-len(shape) - 1, len(shape))), data.draw(st.integers(1, 5))
    place = axis % (len(shape) + 1)
    model = Model()
    inputs = [model.input(shape, kind, quantized(kind)) for _ in range(count)]
    y = model.tensor((*shape[:place], count, *shape[place:]), kind, quantized(kind))
    model.operator("PACK", inputs, [y], "PackOptions", version=2, axis=axis, valuesCount=count)
    check(model.finish([y]), seed=seed)


@given(data=st.data(), shape=SHAPES, indices=st.lists(st.integers(1, 3), max_size=2).map(tuple), kind=KINDS, seed=SEEDS)
@examples()
def test_gather(data: st.DataObject, shape: Shape, indices: Shape, kind: str, seed: int) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    batch = data.draw(st.integers(0, axis))
    constant = data.draw(st.booleans())
    type_ = data.draw(st.sampled_from(["INT16", "INT32", "INT64"]))
    places = (*shape[:batch], *indices)
    model = Model()
    x = model.input(shape, kind, quantized(kind))
    where = np.random.default_rng(seed).integers(0, shape[axis], places)
    i = model.constant(where, type_) if constant else model.input(places, type_)
    y = model.tensor((*shape[:axis], *indices, *shape[axis + 1 :]), kind, quantized(kind))
    model.operator("GATHER", [x, i], [y], "GatherOptions", version=5, axis=axis, batchDims=batch)
    values = (
        np.random.default_rng(seed).integers(0, 2, shape)
        if kind == "BOOL"
        else np.arange(np.prod(shape)).reshape(shape) % 100
    )
    inputs = [values.astype(NUMPY_TYPES[kind])] + ([] if constant else [where.astype(NUMPY_TYPES[type_])])
    check(model.finish([y]), inputs)


def test_gather_refuses_an_index_of_the_file_that_its_tensor_has_not() -> None:
    with pytest.raises(NativeError, match="index 4 is out of 4"):
        run_native(single("GATHER", (4,), [[0, 4]], [(2,)], "GatherOptions"), [np.zeros(4, np.int8)])


# ---- padding and repeating ----


@given(data=st.data(), shape=SHAPES, operator=st.sampled_from(["PAD", "PADV2"]), seed=SEEDS)
@examples()
def test_pad(data: st.DataObject, shape: Shape, operator: str, seed: int) -> None:
    kind = data.draw(st.sampled_from(["INT8", "INT8", "UINT8", "INT32", "FLOAT32"]))
    edge = st.integers(0, 3)
    paddings = [(data.draw(edge), data.draw(edge)) for _ in shape]
    model = Model()
    x = model.input(shape, kind, quantized(kind))
    inputs = [x, model.constant(paddings, "INT32")]
    if operator == "PADV2":
        inputs.append(model.constant(data.draw(st.integers(0, 100)), kind, quantized(kind)))
    y = model.tensor([n + a + b for n, (a, b) in zip(shape, paddings)], kind, quantized(kind))
    model.operator(operator, inputs, [y], "PadOptions" if operator == "PAD" else "PadV2Options", version=2)
    check(model.finish([y]), seed=seed)


@given(data=st.data(), shape=SHAPES, mode=st.sampled_from([0, 1]), kind=KINDS, seed=SEEDS)
@examples()
def test_mirror_pad(data: st.DataObject, shape: Shape, mode: int, kind: str, seed: int) -> None:
    assume(kind in ("INT8", "INT32", "INT64", "FLOAT32"))
    paddings = [[data.draw(st.integers(0, min(3, n - 1 + mode))) for _ in range(2)] for n in shape]
    out = tuple(n + a + b for n, (a, b) in zip(shape, paddings))
    check(
        single("MIRROR_PAD", shape, [paddings], [out], "MirrorPadOptions", kind=kind, mode=mode, version=2), seed=seed
    )


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_tile(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    assume(kind != "BOOL" or len(shape) > 1)
    times = [data.draw(st.integers(1, 3)) for _ in shape]
    out = tuple(n * m for n, m in zip(shape, times))
    check(single("TILE", shape, [times], [out], "TileOptions", kind=kind, version=3), seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_broadcast_to(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    small = tuple(1 if data.draw(st.booleans()) else n for n in shape)[data.draw(st.integers(0, len(shape) - 1)) :]
    check(single("BROADCAST_TO", small, [shape], [shape], "BroadcastToOptions", kind=kind, version=3), seed=seed)


# ---- other orders and other shapes ----


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_transpose(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    out = tuple(shape[axis] for axis in order)
    check(single("TRANSPOSE", shape, [order], [out], "TransposeOptions", kind=kind, version=5), seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_reverse(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    """LiteRT takes neighbouring axes only."""
    first = data.draw(st.integers(0, len(shape) - 1))
    axes = list(range(first, data.draw(st.integers(first, len(shape) - 1)) + 1))
    signed = [axis - len(shape) * data.draw(st.booleans()) for axis in axes]
    check(single("REVERSE_V2", shape, [signed], [shape], "ReverseV2Options", kind=kind, version=3), seed=seed)


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    order=st.sampled_from([(0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)]),
    seed=SEEDS,
)
@examples()
def test_transpose_of_bytes(shape: Shape, order: Shape, seed: int) -> None:
    """Large enough for the kernel's blocks."""
    out = tuple(shape[axis] for axis in order)
    check(single("TRANSPOSE", shape, [order], [out], "TransposeOptions", version=2), seed=seed)


@given(image=IMAGES, block=st.integers(2, 3), kind=KINDS, seed=SEEDS)
@examples()
def test_depth_and_space(image: Shape, block: int, kind: str, seed: int) -> None:
    assume(kind in ("INT8", "UINT8", "INT32", "INT64", "FLOAT32"))
    n, h, w, c = image
    space, depth = (n, h * block, w * block, c), (n, h, w, c * block * block)
    check(
        single("SPACE_TO_DEPTH", space, [], [depth], "SpaceToDepthOptions", kind=kind, version=2, blockSize=block),
        seed=seed,
    )
    check(
        single("DEPTH_TO_SPACE", depth, [], [space], "DepthToSpaceOptions", kind=kind, version=2, blockSize=block),
        seed=seed,
    )


@given(data=st.data(), image=IMAGES, kind=KINDS, rank=st.sampled_from([3, 4]), seed=SEEDS)
@examples()
def test_space_and_batch(data: st.DataObject, image: Shape, kind: str, rank: int, seed: int) -> None:
    assume(kind in ("INT8", "UINT8", "INT32", "INT64", "FLOAT32"))
    shape = image if rank == 4 else (image[0], image[1], image[3])
    axes = rank - 2
    block = [data.draw(st.integers(1, 3)) for _ in range(axes)]
    before = [data.draw(st.integers(0, 2)) for _ in range(axes)]
    extra = [data.draw(st.integers(0, 1)) for _ in range(axes)]
    after = [-(n + a) % b + b * e for n, a, b, e in zip(shape[1:], before, block, extra)]
    edges = list(zip(before, after))
    spread = tuple((n + a + z) // b for n, a, z, b in zip(shape[1:], before, after, block))
    batch = (shape[0] * int(np.prod(block)), *spread, shape[-1])
    check(
        single("SPACE_TO_BATCH_ND", shape, [block, edges], [batch], "SpaceToBatchNDOptions", kind=kind, version=3),
        seed=seed,
    )
    check(
        single("BATCH_TO_SPACE_ND", batch, [block, edges], [shape], "BatchToSpaceNDOptions", kind=kind, version=3),
        seed=seed,
    )


@given(shape=SHAPES, kind=KINDS, by=st.sampled_from(["input", "option", "rest"]), seed=SEEDS)
@examples()
def test_reshape(shape: Shape, kind: str, by: str, seed: int) -> None:
    flat = (1, int(np.prod(shape)))
    asked = [1, -1] if by == "rest" else list(flat)
    constants = [] if by == "option" else [asked]
    options = {"newShape": np.array(flat, np.int32)} if by == "option" else {}
    check(single("RESHAPE", shape, constants, [flat], "ReshapeOptions", kind=kind, **options), seed=seed)


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_expand_dims_and_squeeze(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    place = axis % (len(shape) + 1)
    wide = (*shape[:place], 1, *shape[place:])
    check(single("EXPAND_DIMS", shape, [axis], [wide], "ExpandDimsOptions", kind=kind), seed=seed)
    named = single("SQUEEZE", wide, [], [shape], "SqueezeOptions", kind=kind, squeezeDims=np.array([place], np.int32))
    check(named, seed=seed)
    out = tuple(n for n in shape if n != 1)
    check(single("SQUEEZE", wide, [], [out], "SqueezeOptions", kind=kind), seed=seed)


def test_shapes_that_the_graph_computes() -> None:
    """What converters write for reshape(x, (shape(x)[0], -1)): SHAPE, STRIDED_SLICE, PACK, RESHAPE."""
    model = Model()
    x = model.input((3, 4, 5), "INT8", Q, signature=(-1, 4, 5))
    shape = model.tensor((3,), "INT32")
    first = model.tensor((), "INT32")
    asked = model.tensor((2,), "INT32")
    y = model.tensor((3, 20), "INT8", Q)
    model.operator("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    ends = [model.constant([value], "INT32") for value in (0, 1, 1)]
    model.operator("STRIDED_SLICE", [shape, *ends], [first], "StridedSliceOptions", shrinkAxisMask=1)
    model.operator("PACK", [first, model.constant(20, "INT32")], [asked], "PackOptions", valuesCount=2, axis=0)
    model.operator("RESHAPE", [x, asked], [y], "ReshapeOptions")
    data = model.finish([y])
    check(data)
    check(data, [np.ones((7, 4, 5), np.int8)])


LOWEST = -(2**31)


@pytest.mark.parametrize(
    ("operator", "constants", "options", "fields"),
    [
        ("SLICE", [[LOWEST, 0], [-1, -1]], "SliceOptions", {}),
        ("SLICE", [[4, 0], [-1, -1]], "SliceOptions", {}),
        ("SLICE", [[0, 0], [2**31 - 1, 1]], "SliceOptions", {}),
        ("STRIDED_SLICE", [[0, 0], [3, 4], [1, 0]], "StridedSliceOptions", {}),
        ("STRIDED_SLICE", [[3, 0], [4, 4], [1, 1]], "StridedSliceOptions", {"shrinkAxisMask": 1}),
        ("STRIDED_SLICE", [[0] * 9, [1] * 9, [1] * 9], "StridedSliceOptions", {}),
        ("RESHAPE", [[LOWEST] * 5 + [-1]], "ReshapeOptions", {}),
        ("RESHAPE", [[-1, -1]], "ReshapeOptions", {}),
        ("RESHAPE", [[0, 12]], "ReshapeOptions", {}),
        ("RESHAPE", [[5, -1]], "ReshapeOptions", {}),
        ("TRANSPOSE", [[0, 0]], "TransposeOptions", {}),
        ("TRANSPOSE", [[0, 2]], "TransposeOptions", {}),
        ("TILE", [[2**30, 2**30]], "TileOptions", {}),
        ("TILE", [[-1, 1]], "TileOptions", {}),
        ("BROADCAST_TO", [[6, 4]], "BroadcastToOptions", {}),
        ("PAD", [[[2**31 - 1, 2**31 - 1], [0, 0]]], "PadOptions", {}),
        ("PAD", [[[-1, 0], [0, 0]]], "PadOptions", {}),
        ("MIRROR_PAD", [[[3, 0], [0, 0]]], "MirrorPadOptions", {}),
        ("GATHER", [[0, 1]], "GatherOptions", {"axis": 2}),
        ("GATHER", [[0, 1]], "GatherOptions", {"batchDims": 1}),
        ("SPLIT_V", [[2**31 - 1, 2**31 - 1], 0], "SplitVOptions", {}),
        ("EXPAND_DIMS", [3], "ExpandDimsOptions", {}),
        ("SQUEEZE", [], "SqueezeOptions", {"squeezeDims": np.array([0], np.int32)}),
        ("SPACE_TO_BATCH_ND", [[2**31 - 1], [[0, 0]]], "SpaceToBatchNDOptions", {}),
        ("SPACE_TO_BATCH_ND", [[0], [[0, 0]]], "SpaceToBatchNDOptions", {}),
        ("BATCH_TO_SPACE_ND", [[3], [[6, 6]]], "BatchToSpaceNDOptions", {}),
        ("DEPTH_TO_SPACE", [], "DepthToSpaceOptions", {"blockSize": 2}),
        ("PACK", [], "PackOptions", {"axis": 3}),
        ("UNPACK", [], "UnpackOptions", {"axis": 1}),
        ("CONCATENATION", [], "ConcatenationOptions", {"axis": -3}),
    ],
)
def test_what_does_not_fit_is_refused(
    operator: str, constants: list[Any], options: str, fields: dict[str, Any]
) -> None:
    """An input of 3 x 4 and what a broken or hostile file may ask of it."""
    with pytest.raises(NativeError, match=operator):
        run_native(single(operator, (3, 4), constants, [(3, 4)], options, **fields), [np.zeros((3, 4), np.int8)])
