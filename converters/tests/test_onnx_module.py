"""Each ONNX operator as a torch module against ONNX Runtime, and then traced as the conversion traces it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

torch = pytest.importorskip("torch")

from edgequant_converters import UnsupportedError  # noqa: E402 (torch may be missing)
from edgequant_converters._quiet import quiet  # noqa: E402
from edgequant_converters.onnx_module import OnnxModule, unsupported_operators  # noqa: E402

pytestmark = pytest.mark.torch_export


@dataclass(frozen=True)
class Const:
    """An input that is a weight of the graph."""

    value: Any


def rand(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape).astype(np.float32)


def ints(*values: int) -> Const:
    return Const(np.array(values, np.int64))


def weight(*shape: int, seed: int = 1) -> Const:
    return Const(rand(*shape, low=-1, high=1, seed=seed))


def single_node(op: str, inputs: tuple, attributes: dict, opset: int, outputs: int) -> tuple[onnx.ModelProto, dict]:
    """Return a model of one node, and what to feed it."""
    names = ["" if value is None else f"x{i}" for i, value in enumerate(inputs)]
    fed = {n: v for n, v in zip(names, inputs, strict=True) if n and not isinstance(v, Const)}
    weights = [numpy_helper.from_array(v.value, n) for n, v in zip(names, inputs, strict=True) if isinstance(v, Const)]
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], name="node", **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in fed.items()],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.UNDEFINED, None) for i in range(outputs)],
        weights,
    )
    for output in graph.output:  # let ONNX Runtime infer the types
        output.ClearField("type")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model, fed


def expected_outputs(model: onnx.ModelProto, fed: dict) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, fed)


def assert_equal(actual: Any, expected: list[np.ndarray]) -> None:
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.shape == theirs.shape
        assert ours.numpy().dtype == theirs.dtype
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-5, atol=2e-6)


def check(op: str, *inputs: Any, opset: int = 18, outputs: int = 1, **attributes: Any) -> None:
    model, fed = single_node(op, inputs, attributes, opset, outputs)
    expected = expected_outputs(model, fed)
    tensors = {name: torch.from_numpy(value) for name, value in fed.items()}
    module = OnnxModule(model, tensors).eval()
    assert_equal(module(*tensors.values()), expected)
    with quiet():
        traced = torch.export.export(module, tuple(tensors.values())).module(check_guards=False)
        assert_equal(traced(*tensors.values()), expected)


X4 = rand(2, 4, 7, 9)
X3 = rand(2, 4, 11)
POSITIVE = rand(3, 5, low=0.1, high=3.0)
UNIT = rand(3, 5, low=-0.95, high=0.95)

UNARY = {
    "Abs": UNIT, "Acos": UNIT, "Acosh": POSITIVE + 1, "Asin": UNIT, "Asinh": UNIT, "Atan": UNIT, "Atanh": UNIT,
    "Ceil": 3 * UNIT, "Cos": UNIT, "Cosh": UNIT, "Elu": UNIT, "Erf": UNIT, "Exp": UNIT, "Floor": 3 * UNIT,
    "HardSwish": 5 * UNIT, "Identity": UNIT, "Log": POSITIVE, "Mish": UNIT, "Neg": UNIT, "Not": UNIT > 0,
    "Reciprocal": POSITIVE, "Relu": UNIT, "Round": 5 * UNIT, "Sigmoid": UNIT, "Sign": UNIT, "Sin": UNIT, "Sinh": UNIT,
    "Softplus": UNIT, "Softsign": UNIT, "Sqrt": POSITIVE, "Tan": UNIT, "Tanh": UNIT, "Selu": UNIT, "Celu": UNIT,
    "LeakyRelu": UNIT, "ThresholdedRelu": 3 * UNIT, "HardSigmoid": 5 * UNIT, "Dropout": UNIT,
    "IsNaN": np.array([1.0, np.nan], np.float32),
}  # fmt: skip


@pytest.mark.parametrize("op", UNARY)
def test_unary(op):
    check(op, UNARY[op])


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "PRelu"])
def test_binary_broadcasts(op):
    check(op, rand(2, 3, 4), rand(3, 1, seed=5) + 3)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
def test_comparison(op):
    check(op, np.array([1, 2, 3], np.float32), np.array([[2], [3]], np.float32))


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(op):
    check(op, UNIT > 0, UNIT > 0.4)


INT_A, INT_B = np.array([7, -7, 5, -6], np.int64), np.array([2, 2, -3, 4], np.int64)

CASES: dict[str, tuple[Any, ...]] = {
    "integer division truncates": ("Div", INT_A, INT_B),
    "mod": ("Mod", INT_A, INT_B),
    "fmod": ("Mod", 5 * UNIT, UNIT + 2, {"fmod": 1}),
    "power": ("Pow", POSITIVE, UNIT),
    "square": ("Pow", UNIT, Const(np.float32(2))),
    "where": ("Where", UNIT > 0, UNIT, Const(np.float32(0))),
    "cast to int": ("Cast", 5 * UNIT, {"to": TensorProto.INT32}),
    "cast to float": ("Cast", INT_A, {"to": TensorProto.FLOAT}),
    "clip": ("Clip", UNIT, Const(np.float32(-0.3)), Const(np.float32(0.5))),
    "clip below only": ("Clip", UNIT, Const(np.float32(-0.3))),
    "clip above only": ("Clip", UNIT, None, Const(np.float32(0.5))),
    "clip 6": ("Clip", UNIT, {"min": -0.3, "max": 0.5, "opset": 6 + 1}),
    "prelu per channel": ("PRelu", X4, weight(4, 1, 1)),
    "gelu": ("Gelu", UNIT, {"opset": 20}),
    "gelu tanh": ("Gelu", UNIT, {"opset": 20, "approximate": "tanh"}),
    "hard sigmoid of torch": ("HardSigmoid", 5 * UNIT, {"alpha": 1 / 6, "beta": 0.5}),
    "softmax": ("Softmax", X3, {"axis": 1}),
    "softmax 11": ("Softmax", X3, {"axis": 1, "opset": 11}),
    "log softmax": ("LogSoftmax", X3),
    "conv": ("Conv", X4, weight(6, 4, 3, 3), weight(6)),
    "conv 1d": ("Conv", X3, weight(6, 4, 3), {"pads": [1, 1], "strides": [2]}),
    "conv groups": ("Conv", X4, weight(8, 2, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    "conv dilated": ("Conv", X4, weight(6, 4, 3, 3), {"dilations": [2, 3], "pads": [2, 3, 2, 3]}),
    "conv asymmetric": ("Conv", X4, weight(6, 4, 3, 3), {"pads": [0, 1, 2, 3], "strides": [2, 2]}),
    "conv same upper": ("Conv", X4, weight(6, 4, 4, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "conv same lower": ("Conv", X4, weight(6, 4, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [3, 2]}),
    "conv valid": ("Conv", X4, weight(6, 4, 3, 3), {"auto_pad": "VALID"}),
    "transposed": ("ConvTranspose", X4, weight(4, 3, 3, 3), weight(3), {"strides": [2, 2]}),
    "transposed padded": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    ),
    "transposed asymmetric": (
        "ConvTranspose", X4, weight(4, 3, 4, 4), {"strides": [2, 2], "pads": [0, 1, 1, 2], "output_padding": [1, 0]},
    ),
    "transposed groups 1d": ("ConvTranspose", X3, weight(4, 2, 3), {"group": 2, "dilations": [2]}),
    "transposed output shape": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "output_shape": [14, 18]},
    ),
    "transposed same upper": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ),
    "max pool": ("MaxPool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "max pool 1d": ("MaxPool", X3, {"kernel_shape": [3]}),
    "max pool asymmetric": ("MaxPool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    "max pool ceil": ("MaxPool", X4, {"kernel_shape": [3, 2], "strides": [3, 2], "ceil_mode": 1}),
    "max pool dilated": ("MaxPool", X4, {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    "max pool same": ("MaxPool", X4, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "average pool": ("AveragePool", X4, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    "average pool counts": (
        "AveragePool", X4, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    ),
    "average pool asymmetric": ("AveragePool", X4, {"kernel_shape": [3, 3], "pads": [0, 1, 2, 0]}),
    "average pool asymmetric counts": (
        "AveragePool", X4, {"kernel_shape": [3, 3], "pads": [0, 1, 2, 0], "count_include_pad": 1},
    ),
    "average pool same": ("AveragePool", X4, {"kernel_shape": [2, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "global average": ("GlobalAveragePool", X4),
    "global max": ("GlobalMaxPool", X3),
    "batch norm": ("BatchNormalization", X4, weight(4), weight(4), weight(4), Const(rand(4, low=0.2, high=2))),
    "batch norm of vectors": (
        "BatchNormalization", UNIT, weight(5), weight(5), weight(5), Const(rand(5, low=0.2, high=2)),
    ),
    "layer norm": ("LayerNormalization", X3, weight(11), weight(11)),
    "layer norm of two axes": ("LayerNormalization", X3, weight(4, 11), {"axis": 1, "epsilon": 1e-3}),
    "instance norm": ("InstanceNormalization", X4, weight(4), weight(4)),
    "group norm": ("GroupNormalization", X4, weight(4), weight(4), {"num_groups": 2, "opset": 21}),
    "lp norm": ("LpNormalization", X3, {"axis": 1}),
    "l1 norm": ("LpNormalization", X3, {"axis": 1, "p": 1}),
    "lrn": ("LRN", X4, {"size": 3, "alpha": 0.1}),
    "gemm": ("Gemm", UNIT, weight(5, 4), weight(4)),
    "gemm transposed": ("Gemm", UNIT, weight(4, 5), weight(1, 4), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    "gemm of data": ("Gemm", rand(5, 3), rand(5, 4), {"transA": 1}),
    "matmul": ("MatMul", X3, weight(11, 6)),
    "matmul of data": ("MatMul", X3, rand(2, 11, 3)),
    "matmul of vectors": ("MatMul", rand(5), weight(5, 3)),
    "einsum": ("Einsum", X3, rand(2, 11, 3), {"equation": "bij,bjk->bki"}),
    "reshape": ("Reshape", X4, ints(0, -1, 9)),
    "reshape of zero size": ("Reshape", rand(0, 3), ints(3, 0), {"allowzero": 1}),
    "flatten": ("Flatten", X4, {"axis": 2}),
    "flatten all": ("Flatten", X4, {"axis": 0}),
    "transpose": ("Transpose", X4, {"perm": [0, 2, 3, 1]}),
    "reverse axes": ("Transpose", X3),
    "squeeze": ("Squeeze", rand(1, 3, 1, 2), ints(0, -2)),
    "squeeze 11": ("Squeeze", rand(1, 3, 1, 2), {"axes": [2], "opset": 11}),
    "squeeze all": ("Squeeze", rand(1, 3, 1, 2)),
    "unsqueeze": ("Unsqueeze", X3, ints(-1, 1)),
    "unsqueeze 11": ("Unsqueeze", X3, {"axes": [0, 4], "opset": 11}),
    "concat": ("Concat", X3, rand(2, 2, 11), Const(rand(2, 1, 11)), {"axis": 1}),
    "split": ("Split", X4, ints(1, 3), {"axis": 1, "outputs": 2}),
    "split equally": ("Split", X4, {"axis": 1, "num_outputs": 2, "outputs": 2}),
    "split unequally": ("Split", X4, {"axis": -1, "num_outputs": 2, "outputs": 2}),
    "split 11": ("Split", X4, {"axis": 1, "split": [3, 1], "outputs": 2, "opset": 11}),
    "slice": ("Slice", X4, ints(1, -5), ints(np.iinfo(np.int64).max, -1), ints(1, -1), ints(2, 1)),
    "slice backwards": ("Slice", X4, ints(-1), ints(np.iinfo(np.int64).min), ints(3), ints(-2)),
    "slice 9": ("Slice", X4, {"starts": [1, 2], "ends": [2, 100], "axes": [0, 2], "opset": 9}),
    "gather": ("Gather", X4, ints(0, -1, 2), {"axis": 1}),
    "gather scalar": ("Gather", X4, Const(np.array(-1, np.int64)), {"axis": 2}),
    "gather matrix": ("Gather", X4, Const(np.array([[0, 1], [2, -3]], np.int64)), {"axis": 3}),
    "embedding": ("Gather", weight(6, 4), np.array([[0, 5], [3, 3]], np.int64)),
    "gather by data": ("Gather", X3, np.array([[0, 5], [3, 3]], np.int64), {"axis": 2}),
    "gather elements": ("GatherElements", UNIT, np.array([[0, -1], [1, 4], [2, 2]], np.int64), {"axis": 1}),
    "expand": ("Expand", rand(3, 1), ints(2, 1, 4)),
    "tile": ("Tile", X3, ints(1, 2, 3)),
    "pad": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 3, 0), Const(np.float32(1.5))),
    "pad of axes": ("Pad", X4, ints(1, 2), Const(np.float32(0)), ints(-1)),
    "pad 2": ("Pad", X3, {"pads": [0, 1, 2, 0, 0, 1], "value": 0.5, "opset": 7}),
    "crop": ("Pad", X4, ints(0, 0, -1, 0, 0, 0, -1, -2)),
    "pad reflect": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 1, 0), {"mode": "reflect"}),
    "pad edge": ("Pad", X4, ints(0, 0, 1, 2, 0, 0, 1, 0), {"mode": "edge"}),
    "one hot": ("OneHot", np.array([[0, 2], [-1, 1]], np.int64), ints(4), Const(np.array([0, 1], np.float32))),
    "one hot first": (
        "OneHot", np.array([0, 2, 1], np.int64), ints(3), Const(np.array([-1, 1], np.float32)), {"axis": 0},
    ),
    "upper triangle": ("Trilu", rand(4, 4), Const(np.array(1, np.int64))),
    "lower triangle": ("Trilu", rand(2, 4, 5), {"upper": 0}),
    "argmax": ("ArgMax", X3, {"axis": 1, "keepdims": 0}),
    "argmin": ("ArgMin", X3, {"axis": -1}),
    "cumsum": ("CumSum", X3, Const(np.array(1, np.int64))),
    "cumsum reversed": ("CumSum", X3, Const(np.array(-1, np.int64)), {"reverse": 1}),
    "depth to space": ("DepthToSpace", rand(1, 8, 2, 3), {"blocksize": 2}),
    "pixel shuffle": ("DepthToSpace", rand(1, 8, 2, 3), {"blocksize": 2, "mode": "CRD"}),
    "space to depth": ("SpaceToDepth", rand(1, 2, 4, 6), {"blocksize": 2}),
    "upsample 9": ("Upsample", X4, Const(np.array([1, 1, 2, 3], np.float32)), {"mode": "nearest", "opset": 9}),
    "resize 10": ("Resize", X4, Const(np.array([1, 1, 2, 2], np.float32)), {"mode": "linear", "opset": 10}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operator(case):
    op, *inputs = CASES[case]
    attributes = inputs.pop() if isinstance(inputs[-1], dict) else {}
    check(op, *inputs, **attributes)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("sizes", [(14, 18), (5, 4), (7, 20), (1, 9)], ids=str)
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])
def test_resize_to_sizes(mode, sizes, coordinates):
    roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] if mode == "nearest" else [None]
    for rounding in roundings:
        chosen = {"nearest_mode": rounding} if rounding else {}
        transform = {"mode": mode, "coordinate_transformation_mode": coordinates, **chosen}
        check("Resize", X4, None, None, ints(2, 4, *sizes), **transform)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2.0, 2.0), (0.6, 1.7)], ids=str)
def test_resize_by_scales(mode, scales):
    check("Resize", X4, None, Const(np.array([1, 1, *scales], np.float32)), mode=mode)


REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
)  # fmt: skip


@pytest.mark.parametrize("op", REDUCTIONS)
def test_reduction(op):
    positive = rand(2, 3, 4, low=0.5, high=1.5)
    check(op, positive, ints(0, -1))
    check(op, positive, ints(1), keepdims=0)
    check(op, positive)
    check(op, positive, ints(), noop_with_empty_axes=1)
    check(op, positive, axes=[1, 2], opset=11)


GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def recurrent_inputs(op: str, directions: int, *, with_state: bool = True) -> list[Any]:
    steps, batch, features, hidden = 5, 2, 3, 4
    rows = GATES[op] * hidden
    state = [rand(directions, batch, hidden, seed=9)] * (2 if op == "LSTM" else 1) if with_state else []
    return [
        rand(steps, batch, features), weight(directions, rows, features), weight(directions, rows, hidden, seed=3),
        weight(directions, 2 * rows, seed=4), None, *state,
    ]  # fmt: skip


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_recurrent(op, direction):
    inputs = recurrent_inputs(op, 2 if direction == "bidirectional" else 1)
    check(op, *inputs, outputs=3 if op == "LSTM" else 2, hidden_size=4, direction=direction)


@pytest.mark.parametrize("op", GATES)
def test_recurrent_without_bias_and_state(op):
    x, w, r, *_ = recurrent_inputs(op, 1, with_state=False)
    check(op, x, w, r, hidden_size=4)


def test_gru_that_resets_the_product():
    check(
        "GRU", *recurrent_inputs("GRU", 2), outputs=2, hidden_size=4, direction="bidirectional", linear_before_reset=1
    )


def test_recurrent_with_other_activations():
    check("LSTM", *recurrent_inputs("LSTM", 1), hidden_size=4, activations=["HardSigmoid", "Relu", "Softsign"])


def graph_of(nodes: list[onnx.NodeProto], inputs: dict[str, tuple], weights: dict[str, Any] | None = None) -> Any:
    return helper.make_model(
        helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )


def test_shape_arithmetic_vanishes():
    """The flatten that many exporters write: Shape, Gather, Concat with -1, Reshape."""
    model = graph_of(
        [
            helper.make_node("Shape", ["x"], ["shape"]),
            helper.make_node("Constant", [], ["zero"], value_ints=[0]),
            helper.make_node("Gather", ["shape", "zero"], ["batch"]),
            helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
            helper.make_node("Reshape", ["x", "target"], ["flat"]),
            helper.make_node("ConstantOfShape", ["target2"], ["ones"], value=numpy_helper.from_array(np.ones(1, "f"))),
            helper.make_node("Range", ["start", "limit", "delta"], ["range"]),
            helper.make_node("Mul", ["ones", "range"], ["bias"]),
            helper.make_node("Add", ["flat", "bias"], ["y"]),
        ],
        {"x": (2, 3, 4)},
        {
            "rest": np.array([-1], np.int64),
            "target2": np.array([12], np.int64),
            "start": np.float32(0),
            "limit": np.float32(12),
            "delta": np.float32(1),
        },
    )
    x = torch.from_numpy(rand(2, 3, 4))
    module = OnnxModule(model, {"x": x})
    torch.testing.assert_close(module(x)[0], x.reshape(2, 12) + torch.arange(12.0))
    with quiet():
        program = torch.export.export(module, (x,))
    operators = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert len(operators) == 2, operators  # the reshape and the addition


def test_all_unknown_operators_are_listed():
    model = graph_of(
        [
            helper.make_node("NonZero", ["x"], ["a"]),
            helper.make_node("Relu", ["x"], ["b"]),
            helper.make_node("FancyThing", ["b"], ["y"], domain="com.example"),
        ],
        {"x": (2, 3)},
    )
    assert unsupported_operators(model) == ["NonZero", "com.example.FancyThing"]
    with pytest.raises(UnsupportedError, match=r"NonZero, com\.example\.FancyThing cannot be converted to LiteRT"):
        OnnxModule(model, {"x": torch.zeros(2, 3)})


@pytest.mark.parametrize(
    ("message", "op", "inputs", "attributes"),
    [
        ("Reshape 'node'.*computed from data", "Reshape", (X3, np.array([2, 44], np.int64)), {}),
        ("mode=cubic", "Resize", (X4, None, Const(np.array([1, 1, 2, 2], np.float32))), {"mode": "cubic"}),
        ("peephole", "LSTM", (*recurrent_inputs("LSTM", 1), weight(1, 12)), {"hidden_size": 4}),
        ("its output 1", "MaxPool", (X4,), {"kernel_shape": [2, 2], "outputs": 2}),
        ("a cast to FLOAT16", "Cast", (X3,), {"to": TensorProto.FLOAT16}),
        ("clip", "GRU", (*recurrent_inputs("GRU", 1),), {"hidden_size": 4, "clip": 1.0}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsupported_uses_are_named(message, op, inputs, attributes):
    outputs = attributes.pop("outputs", 1)
    model, fed = single_node(op, inputs, attributes, 18, outputs)
    with pytest.raises(UnsupportedError, match=message):
        OnnxModule(model, {name: torch.from_numpy(value) for name, value in fed.items()})
