"""Sequences of tensors fold away while a graph is imported."""

import numpy as np
import pytest
from onnx import helper

from edgequant_converters import UnsupportedError

from .onnx_import_check import check_model, imported, model_of, rand

X = rand(2, 7)
node = helper.make_node


def test_a_split_by_sizes_and_joined_again() -> None:
    nodes = [
        node("SplitToSequence", ["x", "sizes"], ["s"], axis=1),
        node("SequenceAt", ["s", "last"], ["a"]),
        node("SequenceErase", ["s"], ["t"]),
        node("SequenceInsert", ["t", "a", "first"], ["u"]),
        node("ConcatFromSequence", ["u"], ["y"], axis=1),
    ]
    weights = {"sizes": np.array([3, 2, 2]), "last": np.array(-1), "first": np.array(0)}
    made = check_model(model_of(nodes, {"x": X}, ["y"], weights), {"x": X})
    assert [operator.code for operator in made.main.operators] == ["SLICE"] * 3 + ["CONCATENATION"]


@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_split_into_ones_is_stacked(keepdims: int) -> None:
    nodes = [
        node("SplitToSequence", ["x"], ["s"], axis=0, keepdims=keepdims),
        node("ConcatFromSequence", ["s"], ["y"], axis=-1, new_axis=1),
    ]
    check_model(model_of(nodes, {"x": X}, ["y"]), {"x": X})


def test_a_split_by_one_size_has_a_smaller_last_part() -> None:
    nodes = [
        node("SplitToSequence", ["x", "size"], ["s"], axis=1),
        node("SequenceLength", ["s"], ["n"]),
        node("SequenceAt", ["s", "two"], ["a"]),
        node("Cast", ["n"], ["f"], to=1),
        node("Mul", ["a", "f"], ["y"]),
    ]
    check_model(model_of(nodes, {"x": X}, ["y"], {"size": np.array(3), "two": np.array(2)}), {"x": X})


def test_parts_that_are_constants() -> None:
    nodes = [
        node("SequenceConstruct", ["w", "x"], ["s"]),
        node("SequenceAt", ["s", "zero"], ["a"]),
        node("Add", ["a", "x"], ["y"]),
    ]
    check_model(model_of(nodes, {"x": X}, ["y"], {"w": X + 1, "zero": np.array(0)}), {"x": X})


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("SequenceAt", ["s", "p"], ["y"], name="node")], "SequenceAt 'node': its input 1"),
        ([node("SequenceAt", ["s", "five"], ["y"], name="node")], "SequenceAt 'node': position 5 of a sequence of 1"),
        ([node("Relu", ["s"], ["y"], name="node")], "Relu 'node': a sequence"),
        ([node("Identity", ["s"], ["y"])], "output 'y' is a sequence"),
    ],
    ids=["data", "beyond", "operator", "output"],
)
def test_sequences_that_do_not_vanish_are_refused(nodes: list, message: str) -> None:
    fed = {"x": X, "p": np.array(0)}
    model = model_of([node("SequenceConstruct", ["x"], ["s"]), *nodes], fed, ["y"], {"five": np.array(5)})
    with pytest.raises(UnsupportedError, match=message):
        imported(model, fed)
