"""The graph of ONNX files: work, memory, quantization, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import SourceError
from edgequant_converters.graph import ModelGraph, float_ops, read_graph


def write(path: Path, nodes, inputs, outputs, constants=(), opset: int = 21, domains=()) -> Path:
    """Write a model; inputs and outputs are (name, type, shape), constants map names to arrays."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in dict(constants).items()],
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save(helper.make_model(graph, opset_imports=imports), path)
    return path


def one_op(tmp_path: Path, kind: str, shapes: dict[str, tuple], weights: dict[str, tuple], **attributes) -> ModelGraph:
    """Read a model of one node whose inputs are activations of `shapes`, then float weights."""
    domain = attributes.pop("domain", "")
    node = helper.make_node(kind, [*shapes, *weights], ["y"], domain=domain, **attributes)
    constants = {name: np.ones(shape, np.float32) for name, shape in weights.items()}
    inputs = [(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    return read_graph(write(tmp_path / "m.onnx", [node], inputs, [("y", TensorProto.FLOAT, None)], constants))


@pytest.mark.parametrize(
    ("kind", "x", "weights", "attributes", "macs"),
    [
        ("Conv", (1, 3, 8, 8), {"w": (4, 3, 3, 3)}, {"pads": [1, 1, 1, 1]}, 8 * 8 * 4 * 3 * 9),
        ("Conv", (1, 3, 8, 8), {"w": (4, 3, 3, 3)}, {"strides": [2, 2]}, 3 * 3 * 4 * 3 * 9),
        ("Conv", (1, 4, 8, 8), {"w": (4, 1, 3, 3)}, {"group": 4}, 6 * 6 * 4 * 9),
        ("Conv", ("N", 2, 8), {"w": (4, 2, 3)}, {}, 6 * 4 * 2 * 3),
        ("ConvTranspose", (1, 4, 5, 5), {"w": (4, 2, 3, 3)}, {"strides": [2, 2]}, 5 * 5 * 4 * 2 * 9),
        ("Gemm", (2, 16), {"w": (16, 10)}, {}, 2 * 16 * 10),
        ("Gemm", (16, 2), {"w": (10, 16)}, {"transA": 1, "transB": 1}, 2 * 16 * 10),
        ("MatMul", (3, 5, 16), {"w": (16, 10)}, {}, 3 * 5 * 16 * 10),
        ("LSTM", (7, 2, 5), {"w": (1, 24, 5), "r": (1, 24, 6)}, {"hidden_size": 6}, 7 * 2 * 24 * (5 + 6)),
        ("GRU", (7, 1, 5), {"w": (2, 18, 5), "r": (2, 18, 6)}, {"hidden_size": 6, "direction": "bidirectional"},
         7 * 2 * 18 * (5 + 6)),
        ("Add", (4, 4), {"w": (4, 4)}, {}, 0),
    ],
)  # fmt: skip
def test_macs_follow_the_operators_definition(tmp_path, kind, x, weights, attributes, macs):
    graph = one_op(tmp_path, kind, {"x": x}, weights, **attributes)
    assert graph.macs == macs
    assert graph.parameters == sum(int(np.prod(shape)) for shape in weights.values())
    assert graph.weight_bytes == 4 * graph.parameters
    assert graph.weight_dtypes == ({"float32": 4 * graph.parameters} if graph.parameters else {})


def test_a_product_of_two_activations_has_macs_and_no_parameters(tmp_path):
    graph = one_op(tmp_path, "MatMul", {"a": (2, 3, 5), "b": (2, 5, 7)}, {})
    assert graph.macs == 2 * 3 * 5 * 7
    assert graph.parameters == 0


def test_the_peak_is_the_largest_sum_of_living_activations(tmp_path):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Concat", ["a", "a"], ["b"], axis=0),
        helper.make_node("ReduceSum", ["b"], ["c"], keepdims=0),
        helper.make_node("Add", ["c", "a"], ["y"]),
    ]
    path = write(tmp_path / "m.onnx", nodes, [("x", TensorProto.FLOAT, (10,))], [("y", TensorProto.FLOAT, (10,))])
    graph = read_graph(path)
    # a (40 bytes) lives to the end, b is 80, and c is one number: a + b + c while ReduceSum runs.
    assert graph.activation_peak_bytes == 40 + 80 + 4


def quantized_linear(tmp_path: Path, *, tail: str = "") -> Path:
    """x -> Q -> DQ -> MatMul(DQ(w)) -> Relu -> Q -> DQ -> (tail) -> y."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=-1),
        helper.make_node("MatMul", ["xd", "wd"], ["m"], name="product"),
        helper.make_node("Relu", ["m"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "rs", "rz"], ["rq"]),
        helper.make_node("DequantizeLinear", ["rq", "rs", "rz"], ["y" if not tail else "rd"]),
    ]
    if tail:
        nodes.append(helper.make_node(tail, ["rd"], ["y"], name="last"))
    constants = {
        "xs": np.float32(0.5), "xz": np.int8(3), "rs": np.float32(0.25), "rz": np.int8(-128),
        "w": np.ones((4, 6), np.int8), "ws": np.linspace(0.1, 0.6, 6, dtype=np.float32), "wz": np.zeros(6, np.int8),
    }  # fmt: skip
    y = ("y", TensorProto.FLOAT, (1, 1) if tail == "ReduceSum" else (2, 6))
    return write(tmp_path / "q.onnx", nodes, [("x", TensorProto.FLOAT, (2, 4))], [y], constants)


def test_an_op_between_dequantize_and_quantize_is_integer(tmp_path):
    assert float_ops(read_graph(quantized_linear(tmp_path))) == []


def test_an_op_behind_the_last_dequantize_is_float(tmp_path):
    (op,) = float_ops(read_graph(quantized_linear(tmp_path, tail="LogSoftmax")))
    assert (op.type, op.name) == ("LogSoftmax", "last")


def test_every_op_of_a_float_model_is_float(tmp_path):
    assert [op.type for op in float_ops(one_op(tmp_path, "MatMul", {"x": (2, 4)}, {"w": (4, 6)}))] == ["MatMul"]


def test_scales_and_zero_points_are_on_the_integer_tensors(tmp_path):
    graph = read_graph(quantized_linear(tmp_path))
    tensors = {tensor.name: tensor for tensor in graph.tensors}
    assert (tensors["xq"].dtype, tensors["xq"].scales, tensors["xq"].zero_points) == ("int8", (0.5,), (3,))
    assert tensors["xq"].quantized_axis is None
    assert tensors["w"].scales == pytest.approx((0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert tensors["w"].quantized_axis == 1
    assert [t.name for t in graph.tensors if t.is_parameter] == ["w"]
    assert graph.parameters == 24
    assert graph.weight_dtypes == {"int8": 24}


def test_the_float_side_of_a_pair_takes_no_memory(tmp_path):
    # x (float, 32 bytes) with its int8 form (8), then xq (8) with rq (12), then rq (12) with y (4).
    path = quantized_linear(tmp_path, tail="ReduceSum")
    assert read_graph(path).activation_peak_bytes == 32 + 8
    # Without the tail the graph gives a float, which is written: rq (12) with y (48).
    assert read_graph(quantized_linear(tmp_path)).activation_peak_bytes == 12 + 48


def test_ops_of_branches_are_listed_and_reach_tensors_outside(tmp_path):
    def branch(kind: str) -> onnx.GraphProto:
        value = helper.make_tensor_value_info(f"{kind}_out", TensorProto.FLOAT, (2, 4))
        return helper.make_graph([helper.make_node(kind, ["x"], [f"{kind}_out"])], kind, [], [value])

    node = helper.make_node("If", ["flag"], ["y"], then_branch=branch("Relu"), else_branch=branch("Tanh"))
    inputs = [("flag", TensorProto.BOOL, ()), ("x", TensorProto.FLOAT, (2, 4))]
    graph = read_graph(write(tmp_path / "m.onnx", [node], inputs, [("y", TensorProto.FLOAT, (2, 4))]))
    assert graph.op_counts == {"If": 1, "Relu": 1, "Tanh": 1}
    assert [graph.tensors[op.inputs[0]].name for op in graph.ops] == ["flag", "x", "x"]


def test_constant_nodes_are_constants_and_free_sizes_count_once(tmp_path):
    value = numpy_helper.from_array(np.ones((4, 6), np.float32))
    nodes = [
        helper.make_node("Constant", [], ["w"], value=value),
        helper.make_node("Constant", [], ["half"], value_float=0.5),
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Mul", ["m", "half"], ["y"]),
    ]
    x, y = ("x", TensorProto.FLOAT, ("batch", 4)), ("y", TensorProto.FLOAT, ("batch", 6))
    graph = read_graph(write(tmp_path / "m.onnx", nodes, [x], [y]))
    assert [op.type for op in graph.ops] == ["MatMul", "Mul"]
    assert graph.parameters == 25
    assert graph.macs == 24
    assert graph.tensors[graph.inputs[0]].shape == (-1, 4)
    assert graph.activation_peak_bytes == 4 * (6 + 6)


def test_shapes_behind_an_unknown_op_are_unknown(tmp_path):
    nodes = [
        helper.make_node("Mystery", ["x"], ["a"], domain="example"),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    x, y = ("x", TensorProto.FLOAT, (2, 4)), ("y", TensorProto.FLOAT, None)
    graph = read_graph(write(tmp_path / "m.onnx", nodes, [x], [y], domains=("example",)))
    assert graph.unknown_shapes >= 1
    assert graph.op_counts == {"Mystery": 1, "Relu": 1}


def test_weights_in_a_file_beside_the_model_are_counted(tmp_path):
    path = quantized_linear(tmp_path)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    graph = read_graph(path)
    assert graph.file_bytes == path.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    assert graph.parameters == 24
    (tmp_path / "weights.bin").unlink()
    assert read_graph(path).parameters == 24


def test_four_bit_blocks_show_their_elements(tmp_path):
    node = helper.make_node(
        "MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=64, N=3, bits=4, block_size=32
    )
    constants = {"w": np.zeros((3, 2, 16), np.uint8), "s": np.full(6, 0.5, np.float32)}
    x, y = ("x", TensorProto.FLOAT, (5, 64)), ("y", TensorProto.FLOAT, (5, 3))
    graph = read_graph(write(tmp_path / "m.onnx", [node], [x], [y], constants, domains=("com.microsoft",)))
    weights = next(t for t in graph.tensors if t.name == "w")
    assert (weights.dtype, weights.shape, weights.bytes) == ("uint4", (3, 2, 32), 96)
    assert weights.scales == (0.5,) * 6
    assert (graph.parameters, graph.macs) == (3 * 64, 5 * 3 * 64)


@pytest.mark.parametrize("keep", [0, 1, 10, 100, 200])
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path, keep):
    path = quantized_linear(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SourceError, match=r"q\.onnx is (empty|not an ONNX model|damaged)"):
        read_graph(path)


def test_nodes_out_of_order_are_refused(tmp_path):
    nodes = [helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    path = write(tmp_path / "m.onnx", nodes, [], [("a", TensorProto.FLOAT, (2,))])
    with pytest.raises(SourceError, match="does not hold together"):
        read_graph(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_graph(tmp_path / "m.onnx")
    with pytest.raises(SourceError, match="is not a file"):
        read_graph(tmp_path)
    (tmp_path / "m.h5").write_bytes(b"x")
    with pytest.raises(SourceError, match="convert it first"):
        read_graph(tmp_path / "m.h5")
    (tmp_path / "m.onnx").write_bytes(b"\x80\x04 not a model")
    with pytest.raises(SourceError, match="not an ONNX model"):
        read_graph(tmp_path / "m.onnx")
