"""If, Loop and Scan, imported from ONNX, against ONNX Runtime."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import UnsupportedError

from .onnx_import_check import check_model, imported, model_of, rand

X = rand(2, 3)
TRUE = np.array(True)


def graph(nodes: list[onnx.NodeProto], inputs: list[str], outputs: list[str], **weights: np.ndarray) -> onnx.GraphProto:
    """Return a body; "i" is a number of a round, "go..." a condition, all others float of any shape."""

    def value(name: str) -> onnx.ValueInfoProto:
        kind = TensorProto.INT64 if name == "i" else TensorProto.BOOL if name.startswith("go") else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, [] if name == "i" or name.startswith("go") else None)

    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    return helper.make_graph(nodes, "body", [value(n) for n in inputs], [value(n) for n in outputs], initializers)


def codes(model: onnx.ModelProto, fed: dict[str, np.ndarray]) -> list[str]:
    return [operator.code for operator in check_model(model, fed).main.operators]


BRANCHES = {
    "then_branch": graph([helper.make_node("Add", ["x", "z"], ["a"])], [], ["a"]),
    "else_branch": graph([helper.make_node("Mul", ["x", "w"], ["b"])], [], ["b"], w=np.float32([2, 3, 4])),
}


@pytest.mark.parametrize("condition", [True, False])
def test_if_by_data(condition: bool) -> None:
    model = model_of(
        [helper.make_node("If", ["c"], ["y"], **BRANCHES)], {"c": np.array(condition), "x": X, "z": X}, ["y"]
    )
    assert codes(model, {"c": np.array(condition), "x": X, "z": X + 1}) == ["IF"]


def test_if_of_a_known_condition_is_its_branch() -> None:
    model = model_of([helper.make_node("If", ["c"], ["y"], **BRANCHES)], {"x": X, "z": X}, ["y"], {"c": TRUE})
    assert codes(model, {"x": X, "z": X}) == ["ADD"]


def test_a_branch_may_give_what_it_reads() -> None:
    branches = {
        "then_branch": graph([helper.make_node("Identity", ["x"], ["a"])], [], ["a"]),
        "else_branch": graph([], [], ["w"], w=np.ones((2, 3), np.float32)),
    }
    for condition in (np.array(True), np.array(False)):
        model = model_of([helper.make_node("If", ["c"], ["y"], **branches)], {"c": condition, "x": X}, ["y"])
        check_model(model, {"c": condition, "x": X})


ROUND = graph(
    [
        helper.make_node("Mul", ["h", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "z"], ["next"]),
        helper.make_node("Cast", ["i"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["next", "number"], ["part"]),
        helper.make_node("Identity", ["go"], ["go_on"]),
    ],
    ["i", "go", "h"], ["go_on", "next", "part"], factor=np.float32(0.5),
)  # fmt: skip


@pytest.mark.parametrize(("count", "is_while"), [(3, False), (40, True)])
def test_loop_that_collects(count: int, is_while: bool) -> None:
    node = helper.make_node("Loop", ["count", "", "x"], ["y", "parts"], body=ROUND)
    model = model_of([node], {"x": X, "z": X}, ["y", "parts"], {"count": np.array(count)})
    assert ("WHILE" in codes(model, {"x": X, "z": X + 1})) == is_while


@pytest.mark.parametrize("most", [None, 4])
def test_loop_until_data_says_so(most: int | None) -> None:
    body = graph(
        [
            helper.make_node("Add", ["h", "h"], ["next"]),
            helper.make_node("ReduceMax", ["next"], ["largest"], keepdims=0),
            helper.make_node("Less", ["largest", "limit"], ["go_on"]),
        ],
        ["i", "go", "h"], ["go_on", "next"], limit=np.float32(100),
    )  # fmt: skip
    node = helper.make_node("Loop", ["" if most is None else "count", "go0", "x"], ["y"], body=body)
    weights = {"go0": TRUE} | ({} if most is None else {"count": np.array(most)})
    assert codes(model_of([node], {"x": X}, ["y"], weights), {"x": np.abs(X) + 1}) == ["WHILE"]


@pytest.mark.parametrize("count", [4, 40])
@pytest.mark.parametrize("turned", [False, True])
def test_scan(count: int, turned: bool) -> None:
    body = graph(
        [
            helper.make_node("Mul", ["h", "w"], ["scaled"]),
            helper.make_node("Add", ["scaled", "part"], ["next"]),
            helper.make_node("Add", ["next", "z"], ["out"]),
        ],
        ["h", "part"], ["next", "out"], w=np.float32([0.5, 0.25, 2]),
    )  # fmt: skip
    how = {"scan_input_axes": [1], "scan_input_directions": [1], "scan_output_axes": [1]} if turned else {}
    node = helper.make_node("Scan", ["h0", "x"], ["y", "parts"], body=body, num_scan_inputs=1, **how)
    fed = {"h0": rand(3), "x": rand(3, count) if turned else rand(count, 3), "z": rand(3, seed=2)}
    check_model(model_of([node], fed, ["y", "parts"]), fed)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [(["n", "", "x"], "number of rounds that is computed"), (["", "", "x"], "not known")],
)
def test_loops_that_cannot_be(inputs: list[str], message: str) -> None:
    node = helper.make_node("Loop", inputs, ["y", "parts"], name="node", body=ROUND)
    fed = {"n": np.array(3), "x": X, "z": X}
    with pytest.raises(UnsupportedError, match=f"Loop 'node'.*{message}"):
        imported(model_of([node], fed, ["y", "parts"]), fed)


def test_what_a_body_cannot_do_is_named() -> None:
    bad = graph([helper.make_node("Reshape", ["x", "s"], ["a"], name="inner")], [], ["a"])
    node = helper.make_node("If", ["c"], ["y"], then_branch=bad, else_branch=bad)
    fed = {"c": TRUE, "x": X, "s": np.array([3, 2])}
    with pytest.raises(UnsupportedError, match=r"Reshape 'inner'.*computed from data"):
        imported(model_of([node], fed, ["y"]), fed)


def test_an_operator_of_another_domain_in_a_body_is_not_taken_for_onnxs_own() -> None:
    foreign = graph([helper.make_node("Relu", ["x"], ["a"], domain="com.example")], [], ["a"])
    node = helper.make_node("If", ["c"], ["y"], then_branch=foreign, else_branch=foreign)
    fed = {"c": TRUE, "x": X}
    with pytest.raises(UnsupportedError, match=r"com\.example\.Relu"):
        imported(model_of([node], fed, ["y"]), fed)
