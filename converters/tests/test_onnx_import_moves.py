"""Operators that move, choose, pad and scatter values, imported from ONNX, against ONNX Runtime."""

import numpy as np
import pytest

from edgequant_converters import UnsupportedError

from .onnx_import_check import Const, check, check_case, floats, imported, ints, rand, single_node

X4 = rand(2, 4, 7, 9)
X3 = rand(2, 4, 11)
X2 = rand(3, 5)
LAST, FIRST = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def indices(*values: object) -> np.ndarray:
    return np.array(values, np.int64)


CASES = {
    "reshape": ("Reshape", X4, ints(0, -1, 9), {"most": 1}),
    "reshape of zero size": ("Reshape", X2, ints(-1, 1)),
    "flatten": ("Flatten", X4, {"axis": 2, "most": 1}),
    "flatten all": ("Flatten", X4, {"axis": 0}),
    "transpose": ("Transpose", X4, {"perm": [0, 2, 3, 1], "most": 1}),
    "reverse axes": ("Transpose", X3),
    "squeeze": ("Squeeze", rand(1, 3, 1, 2), ints(0, -2), {"most": 1}),
    "squeeze 11": ("Squeeze", rand(1, 3, 1, 2), {"axes": [2], "opset": 11}),
    "squeeze all": ("Squeeze", rand(1, 3, 1, 2)),
    "unsqueeze": ("Unsqueeze", X3, ints(-1, 1), {"most": 1}),
    "unsqueeze 11": ("Unsqueeze", X3, {"axes": [0, 4], "opset": 11}),
    "concat": ("Concat", X3, rand(2, 2, 11), Const(rand(2, 1, 11)), {"axis": 1, "most": 1}),
    "split": ("Split", X4, ints(1, 3), {"axis": 1, "outputs": 2, "most": 1}),
    "split equally": ("Split", X4, {"axis": 1, "num_outputs": 2, "outputs": 2, "most": 1}),
    "split unequally": ("Split", X4, {"axis": -1, "num_outputs": 2, "outputs": 2}),
    "split 11": ("Split", X4, {"axis": 1, "split": [3, 1], "outputs": 2, "opset": 11}),
    "slice": ("Slice", X4, ints(1, -5), ints(LAST, -1), ints(1, -1), ints(2, 1), {"most": 1}),
    "slice of blocks": ("Slice", X4, ints(1, -5), ints(3, -1), ints(1, -1), {"most": 1}),
    "slice backwards": ("Slice", X4, ints(-1), ints(FIRST), ints(3), ints(-2), {"most": 1}),
    "slice backwards to an end": ("Slice", X4, ints(5, 3), ints(1, 0), ints(3, 1), ints(-1, -2)),
    "slice backwards from before the front": ("Slice", X2, ints(-9), ints(-99), ints(1), ints(-2)),
    "slice all axes": ("Slice", X3, ints(0, 1, 2), ints(2, 3, 9)),
    "slice 9": ("Slice", X4, {"starts": [1, 2], "ends": [2, 100], "axes": [0, 2], "opset": 9}),
    "slice of integers": ("Slice", indices([1, 2, 3], [4, 5, 6]), ints(0), ints(3), ints(1), ints(2)),
    "expand": ("Expand", rand(3, 1), ints(2, 1, 4), {"most": 1}),
    "expand less": ("Expand", rand(2, 3, 4), ints(3, 1)),
    "tile": ("Tile", X3, ints(1, 2, 3), {"most": 1}),
    "pad": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 3, 0), Const(np.float32(1.5)), {"most": 1}),
    "pad of axes": ("Pad", X4, ints(1, 2), Const(np.float32(0)), ints(-1), {"most": 1}),
    "pad by data": ("Pad", X3, ints(0, 1, 0, 0, 0, 2), np.array(0.7, np.float32), {"most": 2}),
    "pad 2": ("Pad", X3, {"pads": [0, 1, 2, 0, 0, 1], "value": 0.5, "opset": 7}),
    "crop": ("Pad", X4, ints(0, 0, -1, 0, 0, 0, -1, -2), {"most": 1}),
    "pad and crop": ("Pad", X4, ints(0, 0, -1, 2, 0, 0, 3, -2), Const(np.float32(-1))),
    "pad reflect": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 1, 0), {"mode": "reflect", "most": 1}),
    "pad edge": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 1, 0), {"mode": "edge", "most": 2}),
    "pad wrap": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 1, 0), {"mode": "wrap", "opset": 19, "most": 2}),
    "pad six axes": ("Pad", rand(1, 2, 3, 2, 1, 2), ints(*range(6), *[1] * 6), Const(np.float32(2))),
    "pad five axes": ("Pad", rand(1, 2, 3, 3, 3), ints(0, 0, 1, 1, 1, 0, 0, 1, 0, 1), {"mode": "reflect"}),
    "gather": ("Gather", X4, ints(0, -1, 2), {"axis": 1, "most": 1}),
    "gather scalar": ("Gather", X4, Const(np.array(-1, np.int64)), {"axis": 2, "most": 1}),
    "gather matrix": ("Gather", X4, Const(indices([0, 1], [2, -3])), {"axis": 3}),
    "embedding": ("Gather", Const(rand(6, 4)), indices([0, 5], [3, -3]), {"most": 2}),
    "gather by data": ("Gather", X3, indices([0, 5], [3, -3]), {"axis": 2, "most": 2}),
    "gather int32": ("Gather", X3, np.array([1, -1], np.int32), {"axis": 1}),
    "gather elements": ("GatherElements", X2, indices([0, -1], [1, 4], [2, 2]), {"axis": 1}),
    "gather elements of rows": ("GatherElements", X2, Const(indices([0, -1, 1, 2, 0])), {"axis": 0, "most": 2}),
    "gather tuples": ("GatherND", X3, indices([[0, -1], [1, 2]], [[1, 0], [-2, 3]])),
    "gather constant tuples": ("GatherND", X3, Const(indices([0, -1], [1, 2])), {"most": 1}),
    "gather in batches": ("GatherND", X4, indices([[0, -1], [1, 2]], [[1, 0], [3, 3]]), {"batch_dims": 1}),
    "gather in batches of two": ("GatherND", X3, np.arange(8).reshape(2, 4, 1) - 3, {"batch_dims": 2}),
    "compress": ("Compress", X2, Const(np.array([True, False, True])), {"axis": 0, "most": 1}),
    "compress all": ("Compress", X2, Const(np.array([False, True, True, False, True]))),
    "one hot": ("OneHot", indices([0, 2], [-1, 1]), ints(4), floats(0, 1)),
    "one hot first": ("OneHot", indices(0, 2, 1), ints(3), floats(-1, 1), {"axis": 0}),
    "one hot in the middle": ("OneHot", indices([0, 2], [-1, 7]), ints(3), floats(-1, 1), {"axis": 1}),
    "one hot of data": ("OneHot", indices(0, 2, 1), ints(3), rand(2)),
    "upper triangle": ("Trilu", rand(4, 4), Const(np.array(1, np.int64)), {"most": 1}),
    "lower triangle": ("Trilu", rand(2, 4, 5), {"upper": 0}),
    "triangle of integers": ("Trilu", np.arange(12).reshape(3, 4), Const(np.array(-1, np.int64))),
    "depth to space": ("DepthToSpace", rand(1, 8, 2, 3), {"blocksize": 2, "most": 3}),
    "pixel shuffle": ("DepthToSpace", rand(2, 12, 2, 3), {"blocksize": 2, "mode": "CRD", "most": 4}),
    "space to depth": ("SpaceToDepth", rand(1, 3, 4, 6), {"blocksize": 2, "most": 3}),
    "reverse sequences": ("ReverseSequence", rand(4, 3, 2), indices(4, 1, 2)),
    "reverse sequences in rows": ("ReverseSequence", rand(3, 4), indices(4, 1, 2), {"batch_axis": 0, "time_axis": 1}),
    "eye": ("EyeLike", X2, {"k": 1, "dtype": 1}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operator(case):
    check_case(CASES[case])


SCATTERS = {
    "elements": ("ScatterElements", X2, indices([0, -1], [1, 4], [2, 3]), rand(3, 2, seed=7), {"axis": 1}),
    "elements of rows": ("ScatterElements", X2, indices([0, 1, 2, 0, 1]), rand(1, 5, seed=7), {"axis": 0}),
    "constant elements": ("ScatterElements", X2, Const(indices([0, 1, 2, 0, 1])), rand(1, 5, seed=7), {"axis": 0}),
    "tuples": ("ScatterND", X3, indices([[0, -1], [1, 2]]), rand(1, 2, 11, seed=7)),
    "constant tuples": ("ScatterND", X3, Const(indices([0, 1], [1, 2])), rand(2, 11, seed=7), {"most": 6}),
    "slices": ("ScatterND", X3, indices([1]), rand(1, 4, 11, seed=7)),
    "integers": ("ScatterND", np.arange(8), indices([4], [3], [1]), indices(9, 10, 11)),
    "truth values": ("ScatterND", np.zeros(8, np.bool_), indices([4], [3]), np.ones(2, np.bool_)),
}  # fmt: skip


@pytest.mark.parametrize("case", SCATTERS)
def test_scatter(case):
    check_case(SCATTERS[case])


@pytest.mark.parametrize("reduction", ["add", "mul", "max", "min"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_scatter_reduces_repeated_indices(reduction, dtype):
    x, updates = (4 * X2).astype(dtype), (4 * rand(3, 4, seed=3)).astype(dtype)
    places = indices([0, 0, 1, 0], [1, 1, 1, 1], [4, -1, 2, 0])
    check("ScatterElements", x, places, updates, axis=1, reduction=reduction)
    tuples = indices([[0], [2]], [[2], [2]])
    check("ScatterND", x, tuples, (4 * rand(2, 2, 5)).astype(dtype), reduction=reduction)


@pytest.mark.parametrize("op", ["Transpose", "Identity", "Flatten"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.bool_])
def test_values_of_every_type_move(op, dtype):
    check(op, np.arange(6).reshape(2, 3).astype(dtype))


REFUSED = {
    r"Reshape 'node'.*its input 1 \('x1'\) is computed from data": ("Reshape", X3, np.array([2, 44])),
    "Squeeze 'node'.*axes": ("Squeeze", X3, ints(1)),
    "Pad 'node'.*its input 1": ("Pad", X3, np.zeros(6, np.int64)),
    "Compress 'node'.*its input 1": ("Compress", X2, np.array([True, False, True]), {"axis": 0}),
    "SpaceToDepth 'node'.*blocksize=2 of 4 by 5": ("SpaceToDepth", rand(1, 2, 4, 5), {"blocksize": 2}),
    "DepthToSpace 'node'.*blocksize=2 of 6 channels": ("DepthToSpace", rand(1, 6, 4, 5), {"blocksize": 2}),
    "NonZero": ("NonZero", X2),
    "Unique": ("Unique", X2),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refusals_say_what_is_in_the_way(message):
    op, *inputs = REFUSED[message]
    attributes = dict(inputs.pop()) if isinstance(inputs[-1], dict) else {}
    model, fed = single_node(op, tuple(inputs), attributes, 18, 1)
    with pytest.raises(UnsupportedError, match=message):
        imported(model, fed)
