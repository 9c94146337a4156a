"""TopK, NonMaxSuppression, Einsum, sampling and regions, imported from ONNX, against ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
from edgequant_runtime import Session

from edgequant_converters import UnsupportedError
from edgequant_converters.ir import write_ir

from .onnx_import_check import Const, check, check_case, floats, imported, ints, rand, single_node, weight

X3 = rand(2, 4, 11)
WITH_TIES = np.array([[3, 1, 3, 2], [0, 0, 5, 5]], np.float32)

CASES = {
    "top of the last axis": ("TopK", X3, ints(3), {"outputs": 2, "most": 2}),
    "top of another axis": ("TopK", X3, ints(2), {"axis": 1, "outputs": 2}),
    "smallest": ("TopK", X3, ints(4), {"largest": 0, "outputs": 2}),
    "top of ties": ("TopK", WITH_TIES, ints(3), {"outputs": 2}),
    "smallest of ties": ("TopK", WITH_TIES, ints(3), {"outputs": 2, "largest": 0}),
    "top of integers": ("TopK", WITH_TIES.astype(np.int64), ints(2), {"outputs": 2, "largest": 0}),
    "top of opset 9": ("TopK", X3, {"k": 3, "axis": 1, "outputs": 2, "opset": 9}),
    "einsum of batches": ("Einsum", X3, rand(2, 11, 3), {"equation": "bij,bjk->bki"}),
    "einsum of weights": ("Einsum", X3, weight(11, 5), {"equation": "bij,jk->bik", "most": 3}),
    "einsum of heads": ("Einsum", rand(2, 3, 4, 5), rand(2, 6, 4, 5), {"equation": "bqhd,bkhd->bhqk"}),
    "einsum of outer products": ("Einsum", rand(3), rand(4), {"equation": "i,j->ij"}),
    "einsum of elements": ("Einsum", rand(2, 3), rand(3, 2), {"equation": "ij,ji->ij"}),
    "einsum of an inner product": ("Einsum", rand(5), rand(5, seed=2), {"equation": "i,i"}),
    "einsum of a sum": ("Einsum", rand(2, 3), {"equation": "ij->j"}),
    "einsum of a transposition": ("Einsum", rand(2, 3), {"equation": "ba"}),
    "einsum of a diagonal": ("Einsum", rand(2, 3, 3), {"equation": "bii->ib"}),
    "einsum of a trace": ("Einsum", rand(2, 3, 3), {"equation": "...ii->..."}),
    "einsum of dots": ("Einsum", rand(2, 1, 3, 4), rand(1, 5, 4, 2), {"equation": "...ij,...jk->...ik"}),
    "einsum of three": ("Einsum", rand(2, 3), rand(3, 4), rand(4, 5), {"equation": "ij,jk,kl->il"}),
    "regions": (
        "MaxRoiPool", rand(2, 3, 8, 9), Const(np.float32([[0, 1, 1, 6, 5], [1, 0, 3, 4, 9], [1, 7, 7, 7, 7]])),
        {"pooled_shape": [2, 3]},
    ),
    "regions scaled": (
        "MaxRoiPool", rand(1, 2, 6, 6), Const(np.float32([[0, 0, 0, 14, 30]])),
        {"pooled_shape": [3, 3], "spatial_scale": 0.25},
    ),
    "deformed": (
        "DeformConv", rand(2, 4, 6, 7), weight(3, 4, 3, 2), rand(2, 12, 4, 6), weight(3),
        {"kernel_shape": [3, 2], "opset": 19, "rtol": 1e-4, "atol": 1e-5},
    ),
    "deformed by groups": (
        "DeformConv", rand(1, 4, 6, 7), weight(6, 2, 3, 3), rand(1, 36, 3, 4), weight(6), rand(1, 18, 3, 4),
        {"group": 2, "offset_group": 2, "pads": [1] * 4, "strides": [2, 2], "opset": 19, "rtol": 1e-4, "atol": 1e-5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operator(case: str) -> None:
    check_case(CASES[case])


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [0, 1])
def test_grid_sample(mode: str, padding: str, corners: int) -> None:
    how = {"padding_mode": padding, "align_corners": corners, "rtol": 1e-4, "atol": 1e-5}
    check("GridSample", rand(2, 3, 5, 6), rand(2, 4, 7, 2), mode=mode, opset=20, **how)
    older = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    check("GridSample", rand(1, 3, 5, 6), rand(1, 4, 3, 2), mode=older, opset=16, **how)


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_of_volumes(mode: str) -> None:
    check("GridSample", rand(1, 2, 4, 5, 6), rand(1, 3, 2, 4, 3), mode=mode, opset=20, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("centre", [0, 1])
def test_boxes_that_stay(centre: int) -> None:
    """Three classes of two images: ONNX Runtime's rows in its order, and rows of -1 where fewer boxes stay."""
    draw = np.random.default_rng(1)
    low = draw.uniform(0, 1, (2, 12, 2))
    boxes = np.concatenate([low, draw.uniform(0.2, 0.6, (2, 12, 2)) + (0 if centre else low)], 2).astype(np.float32)
    scores = draw.uniform(0, 1, (2, 3, 12)).astype(np.float32)
    inputs = (boxes, scores, ints(9), floats(0.1), floats(0.3))
    model, fed = single_node("NonMaxSuppression", inputs, {"center_point_box": centre}, 11, 1)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, fed)
    for engine in ("litert", "native"):
        rows = Session(write_ir(imported(model, fed)), engine=engine).run(fed, raw=True)["y0"]
        assert rows.shape == (2 * 3 * 9, 3)
        taken = rows[(rows != -1).any(1)]
        assert len(taken) < len(rows)
        np.testing.assert_array_equal(taken, expected)


def test_boxes_that_only_touch_the_threshold_stay() -> None:
    boxes = np.float32([[[0, 0, 1, 1], [0, 1, 1, 2], [0, 0, 1, 2]]])
    scores = np.float32([[[0.9, 0.8, 0.7]]])
    check("NonMaxSuppression", boxes, scores, ints(2), opset=11)
    check("NonMaxSuppression", boxes, scores, ints(3), floats(0.5), opset=11)


@pytest.mark.parametrize(
    ("message", "op", "inputs", "attributes"),
    [
        ("largest number of boxes of 0", "NonMaxSuppression", (rand(1, 3, 4), rand(1, 1, 3)), {}),
        ("k=12 of 11", "TopK", (X3, ints(12)), {"outputs": 2}),
        ("its input 1.*computed from data", "TopK", (X3, np.array([2])), {"outputs": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsupported_uses_are_named(message: str, op: str, inputs: tuple, attributes: dict) -> None:
    outputs = attributes.get("outputs", 1)
    model, fed = single_node(op, inputs, {k: v for k, v in attributes.items() if k != "outputs"}, 18, outputs)
    with pytest.raises(UnsupportedError, match=f"{op} 'node'.*{message}"):
        imported(model, fed)
