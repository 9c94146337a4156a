"""Operators that ONNX defines as functions of others, constants, and models of several nodes."""

import numpy as np
import pytest
from onnx import helper

from edgequant_converters import UnsupportedError

from .onnx_import_check import Const, check, check_model, imported, ints, model_of, rand, single_node

X = rand(3, 5)
SCORES, CLASSES = rand(3, 5, 4), np.array([[0, 1, 4, 2], [1, 1, 0, 3], [4, 2, 2, 0]], np.int64)


def test_functions_become_their_operators():
    check("MeanVarianceNormalization", rand(2, 3, 4, 5), axes=[0, 2, 3])
    check("CenterCropPad", rand(6, 5, 4), ints(4, 7), axes=[0, 2])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(reduction):
    weights = Const(rand(5, low=0.1, high=1))
    logs = np.log(np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)).astype(np.float32)
    check("NegativeLogLikelihoodLoss", logs, CLASSES, weights, reduction=reduction)
    check("SoftmaxCrossEntropyLoss", SCORES, CLASSES, weights, reduction=reduction)
    check("SoftmaxCrossEntropyLoss", SCORES, CLASSES, reduction=reduction, ignore_index=2, outputs=2)


def test_attributes_reach_the_inner_nodes():
    gate, x = rand(2, 4), rand(2, 4, seed=3)
    expected = gate / (1 + np.exp(-0.5 * gate)) * x
    check("SwiGLU", gate, x, opset=28, expected=[expected], alpha=0.5)


def test_values_within_a_function_are_named_after_its_output():
    model = model_of([helper.make_node("MeanVarianceNormalization", ["x"], ["y"])], {"x": rand(2, 3, 4, 5)}, ["y"])
    made = imported(model, {"x": rand(2, 3, 4, 5)})
    names = [operator.output.name for operator in made.main.operators]
    assert names[-1] == "y" and all(name.startswith("y/") for name in names[:-1]), names


def test_shape_arithmetic_vanishes():
    """The flatten that many exporters write: Shape, Gather, Concat with -1, Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Constant", [], ["zero"], value_ints=[0]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("Range", ["start", "limit", "delta"], ["range"]),
        helper.make_node("Add", ["flat", "range"], ["y"]),
    ]
    weights = {"rest": np.array([-1]), "start": np.float32(0), "limit": np.float32(12), "delta": np.float32(1)}
    x = {"x": rand(2, 3, 4)}
    check_model(model_of(nodes, x, ["y"], weights), x, most=2)


def test_operators_on_constants_alone_need_no_lowering():
    nodes = [
        helper.make_node("BlackmanWindow", ["size"], ["window"]),
        helper.make_node("NonZero", ["mask"], ["places"]),
        helper.make_node("Unique", ["places"], ["unique"]),
        helper.make_node("Gather", ["window", "unique"], ["chosen"]),
        helper.make_node("Mul", ["x", "chosen"], ["y"]),
    ]
    weights = {"size": np.array(8), "mask": np.array([1, 0, 1, 1, 0, 0, 1, 0], np.float32)}
    x = {"x": rand(3, 4)}
    check_model(model_of(nodes, x, ["y"], weights), x, most=1, atol=1e-5)


def test_outputs_may_be_constants_and_inputs():
    nodes = [helper.make_node("Identity", ["x"], ["same"]), helper.make_node("EyeLike", ["x"], ["eye"])]
    x = {"x": rand(3, 4)}
    check_model(model_of(nodes, x, ["same", "eye"]), x)


def test_all_unknown_operators_are_listed():
    nodes = [
        helper.make_node("StringNormalizer", ["x"], ["a"]),
        helper.make_node("Relu", ["x"], ["b"]),
        helper.make_node("FancyThing", ["b"], ["y"], domain="com.example"),
    ]
    model = model_of(nodes, {"x": X}, ["y"])
    with pytest.raises(UnsupportedError, match=r"StringNormalizer, com\.example\.FancyThing cannot be converted"):
        imported(model, {"x": X})


def test_tensors_without_elements_are_no_operators():
    nodes = [
        helper.make_node("Split", ["x", "sizes"], ["none", "all"], axis=1),
        helper.make_node("Relu", ["none"], ["nothing"]),
        helper.make_node("Concat", ["nothing", "all", "none"], ["again"], axis=1),
        helper.make_node("ReduceSum", ["none", "axes"], ["zeros"]),
        helper.make_node("Add", ["again", "zeros"], ["y"]),
    ]
    weights = {"sizes": np.array([0, 4]), "axes": np.array([1])}
    x = {"x": rand(3, 4)}
    check_model(model_of(nodes, x, ["y"], weights), x, most=1)


def test_an_input_that_is_too_small_is_refused_with_its_shape():
    model, fed = single_node("MaxPool", (rand(1, 2, 3, 9),), {"kernel_shape": [5, 5]}, 18, 1)
    with pytest.raises(UnsupportedError, match=r"MaxPool 'node': .*\[1, 2, 3, 9\] are too small"):
        imported(model, fed)


def test_a_refusal_within_a_function_names_the_node_and_the_inner_one():
    model, fed = single_node("DynamicQuantizeLinear", (X,), {}, 18, 3)
    with pytest.raises(UnsupportedError, match=r"DynamicQuantizeLinear 'node': QuantizeLinear 'y0/"):
        imported(model, fed)


HUGE = {
    "ConstantOfShape": {"a": np.array([1 << 20, 1 << 20])},
    "Expand": {"a": np.zeros((1, 1), np.float32), "b": np.array([1 << 20, 1 << 20])},
    "Tile": {"a": np.zeros((1, 1), np.float32), "b": np.array([1 << 20, 1 << 20])},
    "Range": {"a": np.array(0), "b": np.array(1 << 50), "c": np.array(1)},
    "Pad": {"a": np.zeros(1, np.float32), "b": np.array([1 << 50, 0])},
}


@pytest.mark.parametrize("op", HUGE)
def test_constants_larger_than_memory_are_refused(op):
    model = model_of([helper.make_node(op, list(HUGE[op]), ["y"], name="node")], {"x": X}, ["y"], HUGE[op])
    with pytest.raises(UnsupportedError, match=f"{op} 'node': a constant of [0-9]+ elements"):
        imported(model, {"x": X})


def test_a_node_that_lacks_an_input_is_refused_by_its_name():
    model = model_of([helper.make_node("Add", ["x"], ["y"], name="node")], {"x": X}, ["y"])
    with pytest.raises(UnsupportedError, match="Add 'node': its input 1 is missing"):
        imported(model, {"x": X})
