"""Normalisations, imported from ONNX, against ONNX Runtime."""

import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from edgequant_converters.passes import simplify

from .onnx_import_check import Const, check, check_case, imported, model_of, rand, single_node, weight

X5 = rand(2, 4, 5, 6, 7)
X4 = rand(2, 4, 7, 9)
X3 = rand(2, 4, 11)
X2 = rand(3, 5)
VARIANCE = Const(rand(4, low=0.2, high=2))

NORMALISATIONS = {
    "batch": ("BatchNormalization", X4, weight(4), weight(4), weight(4), VARIANCE, {"most": 4}),
    "batch of data": ("BatchNormalization", X3, rand(4), weight(4), weight(4), rand(4, low=0.2, high=2)),
    "batch of vectors": ("BatchNormalization", X2, weight(5), weight(5), weight(5), Const(rand(5, low=0.2, high=2))),
    "layer": ("LayerNormalization", X3, weight(11), weight(11), {"most": 9}),
    "layer of two axes": ("LayerNormalization", X3, weight(4, 11), {"axis": 1, "epsilon": 1e-3}),
    "layer with statistics": ("LayerNormalization", X3, weight(11), weight(11), {"outputs": 3}),
    "instance": ("InstanceNormalization", X4, weight(4), weight(4)),
    "instance 1d": ("InstanceNormalization", X3, weight(4), weight(4), {"epsilon": 1e-2}),
    "instance 3d": ("InstanceNormalization", X5, weight(4), weight(4), {"rtol": 1e-4}),
    "group": ("GroupNormalization", X4, weight(4), weight(4), {"num_groups": 2, "opset": 21}),
    "group 3d": ("GroupNormalization", X5, weight(4), weight(4), {"num_groups": 2, "opset": 21, "atol": 1e-5}),
    "group by groups": ("GroupNormalization", X4, weight(2), weight(2), {"num_groups": 2, "opset": 18}),
    "l2": ("LpNormalization", X3, {"axis": 1, "most": 3}),
    "l2 of the last": ("LpNormalization", X3, {"axis": -1, "most": 1}),
    "l2 3d": ("LpNormalization", X5, {"axis": 1}),
    "l1": ("LpNormalization", X3, {"axis": 1, "p": 1}),
    "lrn": ("LRN", X4, {"size": 3, "alpha": 0.1, "most": 6}),
    "lrn wide": ("LRN", rand(1, 6, 3, 3), {"size": 5, "alpha": 0.2, "beta": 0.5, "bias": 2.0}),
    "mean and variance": ("MeanVarianceNormalization", X4, {"atol": 1e-5}),
}  # fmt: skip


@pytest.mark.parametrize("case", NORMALISATIONS)
def test_normalisation(case: str) -> None:
    check_case(NORMALISATIONS[case])


def test_rms_against_the_reference() -> None:
    model, fed = single_node("RMSNormalization", (X3, weight(11)), {"epsilon": 1e-3}, 23, 1)
    check(
        "RMSNormalization", X3, weight(11), epsilon=1e-3, opset=23,
        expected=ReferenceEvaluator(model).run(None, fed), most=6,
    )  # fmt: skip


def test_a_batch_norm_goes_into_the_convolution_before_it() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "s", "b", "m", "v"], ["c"]),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    weights = {"w": weight(4, 4, 3, 3).value, **{name: weight(4).value for name in "sbm"}, "v": VARIANCE.value}
    made = imported(model_of(nodes, {"x": X4}, ["y"], weights), {"x": X4})
    simplify(made)
    assert [operator.code for operator in made.main.operators] == ["TRANSPOSE", "CONV_2D", "TRANSPOSE"]


def test_batch_norm_of_the_data_at_hand() -> None:
    inputs = (X4, weight(4), weight(4), weight(4), VARIANCE)
    model, _ = single_node("BatchNormalization", inputs, {"training_mode": 1, "momentum": 0.7}, 15, 3)
    expected = ReferenceEvaluator(model).run(None, {"x0": X4})
    check(
        "BatchNormalization", *inputs, training_mode=1, momentum=0.7, outputs=3, opset=15, expected=expected, atol=1e-5
    )  # fmt: skip
