"""Activation functions that a graph spells out in elementary steps are recognised by their values."""

import onnx
import pytest
from onnx import TensorProto, helper

from edgequant_converters.onnx_import._activations import with_named_activations

Step = tuple[str, list[str], str]

GELU: dict[str, list[Step]] = {
    "half last": [
        ("Div", ["x", "sqrt2"], "a"), ("Erf", ["a"], "b"), ("Add", ["b", "one"], "c"), ("Mul", ["x", "c"], "d"),
        ("Mul", ["d", "half"], "y"),
    ],
    "half first": [
        ("Mul", ["x", "rsqrt2"], "a"), ("Erf", ["a"], "b"), ("Add", ["one", "b"], "c"), ("Mul", ["half", "x"], "d"),
        ("Mul", ["d", "c"], "y"),
    ],
    "half inside": [
        ("Div", ["x", "sqrt2"], "a"), ("Erf", ["a"], "b"), ("Add", ["b", "one"], "c"), ("Mul", ["c", "half"], "d"),
        ("Mul", ["x", "d"], "y"),
    ],
}  # fmt: skip
NUMBERS = {"sqrt2": 2**0.5, "rsqrt2": 2**-0.5, "one": 1, "half": 0.5, "three": 3, "sixth": 1 / 6, "zero": 0, "six": 6}


def graph(steps: list[Step], outputs: tuple[str, ...] = ("y",)) -> onnx.GraphProto:
    return helper.make_graph(
        [helper.make_node(op, inputs, [output]) for op, inputs, output in steps],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in outputs],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in NUMBERS.items()],
    )


def named(steps: list[Step], outputs: tuple[str, ...] = ("y",)) -> list[str]:
    nodes = with_named_activations(graph(steps, outputs), [helper.make_opsetid("", 17)])
    return [node.op_type for node in nodes]


@pytest.mark.parametrize("steps", GELU.values(), ids=GELU.keys())
def test_gelu_in_any_order_of_its_steps(steps: list[Step]) -> None:
    before: Step = ("Add", ["x", "three"], "z")
    moved = [(op, ["z" if name == "x" else name for name in inputs], output) for op, inputs, output in steps]
    assert named(steps) == ["Gelu"]
    assert named([before, *moved]) == ["Add", "Gelu"]


HARD_SWISH: list[Step] = [
    ("Add", ["x", "three"], "a"), ("Clip", ["a", "zero", "six"], "b"), ("Mul", ["x", "b"], "c"),
    ("Mul", ["c", "sixth"], "y"),
]  # fmt: skip


def test_hard_swish() -> None:
    assert named(HARD_SWISH) == ["HardSwish"]


@pytest.mark.parametrize(("rounded", "stays"), [({"x", "y"}, False), ({"x", "b", "y"}, True)])
def test_hard_swish_stays_steps_where_one_is_rounded(rounded: set[str], stays: bool) -> None:
    nodes = with_named_activations(graph(HARD_SWISH), [helper.make_opsetid("", 17)], rounded)
    assert [node.op_type for node in nodes] == ([op for op, _, _ in HARD_SWISH] if stays else ["HardSwish"])


def test_what_is_nearly_gelu_stays() -> None:
    steps = [(op, ["half" if name == "one" else name for name in inputs], out) for op, inputs, out in GELU["half last"]]
    assert named(steps) == [op for op, _, _ in steps]


def test_steps_that_are_read_elsewhere_stay() -> None:
    steps = GELU["half last"]
    assert named(steps, ("y", "b")) == [op for op, _, _ in steps]


def test_the_graph_is_left_alone() -> None:
    original = graph(GELU["half last"])
    copy = onnx.GraphProto()
    copy.CopyFrom(original)
    with_named_activations(original, [helper.make_opsetid("", 17)])
    assert original == copy
