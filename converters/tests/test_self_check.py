"""The check after each import catches a hub that computes something else."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgequant_converters import SourceError, UnsupportedError
from edgequant_converters.sources._self_check import agreement, check_hub, seeded_inputs

X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])],
    )
    path = tmp_path / "doubling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_equal_outputs(doubling: Path) -> None:
    assert check_hub(doubling, {"x": X}, [2 * X], "net") == 300.0
    assert check_hub(doubling, {"x": X.astype(np.float64)}, [2 * X], "net") == 300.0


def test_small_errors_pass_with_their_figure(doubling: Path) -> None:
    # An error of 1e-4 of the signal is 80 dB.
    assert check_hub(doubling, {"x": X}, [2 * X / (1 - 1e-4)], "net") == pytest.approx(80, abs=0.1)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([2 * X * 1.01], r"net: .* an SQNR of 40\.1 dB where at least 60 dB"),
        ([np.zeros_like(X)], "an SQNR of -300"),
        ([2 * X, X], "1 outputs where the network has 2"),
        ([2 * X.T], r"has the shape \(2, 4\) where the network's own has \(4, 2\)"),
        ([np.full_like(X, np.nan)], "output 0 is NaN or infinite"),
    ],
)
def test_other_outputs_are_refused(expected: list[np.ndarray], message: str, doubling: Path) -> None:
    with pytest.raises(SourceError, match=message):
        check_hub(doubling, {"x": X}, expected, "net")


def test_silence_may_be_nearly_silent(doubling: Path) -> None:
    tiny = np.full_like(X, 1e-7)
    assert check_hub(doubling, {"x": tiny}, [np.zeros_like(X)], "net") == 300.0


def network(folder: Path, *nodes: onnx.NodeProto) -> Path:
    """Write a network from x (2, 4) to y, which is p as one row."""
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in (("x", [2, 4]), ("y", ["n"]))
    ]
    constants = [
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        helper.make_tensor("tiny", TensorProto.FLOAT, [], [1e-7]),
    ]
    flatten = helper.make_node("Reshape", ["p", "flat"], ["y"])
    graph = helper.make_graph([*nodes, flatten], "graph", shapes[:1], shapes[1:], constants)
    path = folder / "network.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


NODE, LOW = helper.make_node, np.full_like(X, -14.4)
SIGMOID = NODE("Sigmoid", ["x"], ["s"])


@pytest.mark.parametrize(
    "nodes",
    [
        [NODE("Sigmoid", ["x"], ["p"])],
        [SIGMOID, NODE("Neg", ["x"], ["n"]), NODE("Sigmoid", ["n"], ["one"]), NODE("Mul", ["s", "one"], ["p"])],
    ],
)
def test_probabilities_near_0_may_differ_by_little(nodes: list[onnx.NodeProto], tmp_path: Path) -> None:
    """ONNX Runtime's own Sigmoid is 3e-8 off where the right value is 6e-7."""
    path = network(tmp_path, *nodes)
    assert check_hub(path, {"x": LOW}, [np.full(8, 6.2e-7, np.float32)], "net") < 60
    with pytest.raises(SourceError, match=r"an SQNR of"):
        check_hub(path, {"x": LOW}, [np.full(8, 1.2e-6, np.float32)], "net")


@pytest.mark.parametrize(
    ("nodes", "x", "expected"),
    [
        ([SIGMOID, NODE("Mul", ["s", "tiny"], ["p"])], X, 1e-7 / (1 + np.exp(X))),
        ([SIGMOID, NODE("Identity", ["tiny"], ["t"]), NODE("Mul", ["s", "t"], ["p"])], X, 1e-7 / (1 + np.exp(X))),
        ([NODE("Tanh", ["x"], ["p"])], X * 1e-8, -X * 1e-8),
        (
            [SIGMOID, NODE("Mul", ["x", "tiny"], ["t"]), NODE("Concat", ["s", "t"], ["p"], axis=0)],
            LOW,
            np.concatenate([1 / (1 + np.exp(-LOW)), -1e-6 * np.ones_like(X)]),
        ),
    ],
)
def test_what_only_looks_like_them_may_not(
    nodes: list[onnx.NodeProto], x: np.ndarray, expected: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match="an SQNR of"):
        check_hub(network(tmp_path, *nodes), {"x": x}, [expected.ravel().astype(np.float32)], "net")


def test_other_small_outputs_may_not(doubling: Path) -> None:
    tiny = np.full_like(X, 3e-7)
    with pytest.raises(SourceError, match=r"an SQNR of 22\.9 dB"):
        check_hub(doubling, {"x": tiny}, [np.full_like(X, 5.6e-7)], "net")


def test_seeded_inputs_resemble_the_example() -> None:
    example = {
        "image": np.random.default_rng(0).normal(100, 20, (1000,)).astype(np.float32),
        "zeros": np.zeros((1000,), np.float32),
        "tokens": np.arange(6, dtype=np.int64).reshape(2, 3),
    }
    seeded = seeded_inputs(example)
    assert {k: (v.shape, v.dtype) for k, v in seeded.items()} == {k: (v.shape, v.dtype) for k, v in example.items()}
    assert abs(seeded["image"].mean() - 100) < 3
    assert abs(seeded["image"].std() - 20) < 2
    assert abs(seeded["zeros"].std() - 1) < 0.1
    assert sorted(seeded["tokens"].ravel()) == list(range(6))
    assert all((seeded[k] == v).all() for k, v in seeded_inputs(example).items())


def test_a_hub_that_does_not_open_is_named_for_its_network(tmp_path: Path) -> None:
    """As tf2onnx writes it of a network that keeps a state: an output that nothing computes."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    node = helper.make_node("Neg", ["x"], ["z"])
    path = tmp_path / "float.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]), ir_version=8), path)
    with pytest.raises(UnsupportedError) as refused:
        check_hub(path, {"x": np.zeros(1, np.float32)}, [np.zeros(1, np.float32)], "net (SavedModel)")
    said = str(refused.value)
    assert said.startswith(
        "net (SavedModel) cannot be converted to ONNX: its converter writes what does not open, so try"
    )
    assert "float.onnx" not in said and "onnxruntime_src" not in said


def test_the_agreement_with_nothing_is_no_ratio() -> None:
    some, none = np.array([0.5, -0.25]), np.zeros(2)
    lowest, said = agreement(["y", "z"], [some, none], [some, some])
    assert lowest == -300
    assert "gives 0.5 at most where its output 'z' is 0 throughout" in said
    assert "agrees with it to 300.0 dB (output 'y', one input)" in agreement(["y"], [some], [some])[1]
