"""Models of one ONNX operator, with every attribute that matters: quantized ones compute what the float one does."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import convert
from edgequant_converters._plain_gemms import plain_gemms

pytestmark = pytest.mark.torch_export

FLOOR_DB = {"int8": 30.0, "dynamic": 35.0, "weight-int4": 15.0}
IMAGE = (1, 8, 9, 9)
SAMPLES = 40

Case = tuple[str, tuple[int, ...], list[Any], dict[str, Any]]


def values(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(len(shape)).uniform(-0.5, 0.5, shape).astype(np.float32)


def model(case: Case) -> onnx.ModelProto:
    """Return a model of the operator on x; its other inputs are arrays (constants), shapes (inputs) or None."""
    op_type, shape, others, attributes = case
    names = ["" if other is None else f"c{index}" for index, other in enumerate(others)]
    pairs = list(zip(names, others, strict=True))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, o) for n, o in pairs if isinstance(o, tuple)]
    constants = [numpy_helper.from_array(o, n) for n, o in pairs if isinstance(o, np.ndarray)]
    node = helper.make_node(op_type, ["x", *names], ["y"], **attributes)
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", inputs, [output], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def data_for(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """Return samples whose range the calibration cannot miss, because it is the same in each."""
    generator, data = np.random.default_rng(7), {}
    for value in graph.input:
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        sample = generator.uniform(-1, 1, shape).astype(np.float32)
        data[value.name] = np.repeat(sample[None], SAMPLES, axis=0)
    return data


W, B = values(8, 8, 3, 3), values(8)
CASES: dict[str, Case] = {
    "conv same upper": ("Conv", IMAGE, [W, B], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "conv same lower": ("Conv", IMAGE, [W, B], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    "conv valid": ("Conv", IMAGE, [W, B], {"auto_pad": "VALID"}),
    "conv uneven pads": ("Conv", IMAGE, [values(8, 2, 3, 3), B], {"group": 4, "pads": [1, 0, 2, 1]}),
    "conv depthwise dilated": ("Conv", IMAGE, [values(8, 1, 3, 3), B], {"group": 8, "dilations": [2, 2]}),
    "conv 1-d": ("Conv", (1, 8, 20), [values(4, 8, 3), values(4)], {"strides": [2], "pads": [1, 2]}),
    "conv 3-d": ("Conv", (1, 2, 5, 5, 5), [values(4, 2, 3, 3, 3)], {"pads": [1] * 6}),
    "transposed output padding": (
        "ConvTranspose", IMAGE, [values(8, 4, 3, 3), values(4)],
        {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]},
    ),
    "transposed groups": ("ConvTranspose", IMAGE, [values(8, 2, 3, 3), B], {"strides": [2, 2], "group": 4}),
    "transposed depthwise": ("ConvTranspose", IMAGE, [values(8, 1, 4, 4)], {"strides": [2, 2], "group": 8}),
    "transposed same": ("ConvTranspose", IMAGE, [values(8, 4, 3, 3)], {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "transposed output shape": (
        "ConvTranspose", IMAGE, [values(8, 4, 3, 3)], {"strides": [2, 2], "output_shape": [19, 18]},
    ),
    "leaky relu": ("LeakyRelu", IMAGE, [], {"alpha": 0.3}),
    "leaky relu negative": ("LeakyRelu", IMAGE, [], {"alpha": -0.5}),
    "clip": ("Clip", IMAGE, [np.array(-0.3, np.float32), np.array(0.7, np.float32)], {}),
    "clip max": ("Clip", IMAGE, [None, np.array(0.4, np.float32)], {}),
    "hard sigmoid": ("HardSigmoid", IMAGE, [], {"alpha": 0.3, "beta": 0.4}),
    "softmax of channels": ("Softmax", IMAGE, [], {"axis": 1}),
    "product of a batch": ("MatMul", (2, 5, 6), [values(6, 4)], {}),
    "product with a constant batch": ("MatMul", (2, 5, 6), [values(2, 6, 4)], {}),
    "product with a broadcast batch": ("MatMul", (3, 2, 5, 6), [values(2, 6, 4)], {}),
    "product with a vector": ("MatMul", (5, 6), [values(6)], {}),
    "product of inputs": ("MatMul", (2, 5, 6), [(2, 6, 4)], {}),
    "average with padding": (
        "AveragePool", IMAGE, [], {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1},
    ),
    "average rounded up": ("AveragePool", IMAGE, [], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "maximum dilated": ("MaxPool", IMAGE, [], {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "pad with a value": ("Pad", IMAGE, [np.array([0, 0, 1, 1, 0, 0, 1, 1]), np.array(0.7, np.float32)], {}),
    "instance norm": ("InstanceNormalization", IMAGE, [B + 1, B], {"epsilon": 0.1}),
    "batch norm": ("BatchNormalization", IMAGE, [B + 1, B, B, abs(B) + 0.5], {"epsilon": 0.2}),
}  # fmt: skip

BIASES: dict[str, list[Any]] = {
    "none": [], "N": [values(4)], "1xN": [values(1, 4)], "scalar": [np.array(0.7, np.float32)], "1": [values(1)],
    "MxN": [values(3, 4)], "Mx1": [values(3, 1)], "given N": [(4,)], "given MxN": [(3, 4)],
}  # fmt: skip


def gemm(bias: list[Any], transposed: tuple[int, int], alpha: float, beta: float, matrix: Any = None) -> Case:
    trans_a, trans_b = transposed
    weights = matrix or (values(4, 20) if trans_b else values(20, 4))
    attributes = {"transA": trans_a, "transB": trans_b, "alpha": alpha, "beta": beta}
    return ("Gemm", (20, 3) if trans_a else (3, 20), [weights, *bias], attributes)


def converted_sqnr(case: Case, scheme: str, folder: Path, suffix: str = ".onnx") -> float:
    made = model(case)
    onnx.save(made, folder / "in.onnx")
    np.savez(folder / "data.npz", **data_for(made.graph))
    report = convert(folder / "in.onnx", folder / f"out{suffix}", quantize=scheme, calibration=folder / "data.npz")
    assert report.sqnr_db is not None
    return report.sqnr_db


@pytest.mark.parametrize("scheme", ["int8", "dynamic"])
@pytest.mark.parametrize("name", CASES)
def test_attributes_are_kept(name: str, scheme: str, tmp_path: Path) -> None:
    assert converted_sqnr(CASES[name], scheme, tmp_path) >= FLOOR_DB[scheme]


@pytest.mark.parametrize("scheme", FLOOR_DB)
@pytest.mark.parametrize("bias", BIASES)
def test_a_gemm_in_every_format(bias: str, scheme: str, tmp_path: Path) -> None:
    assert converted_sqnr(gemm(BIASES[bias], (1, 1), 0.5, 2.0), scheme, tmp_path) >= FLOOR_DB[scheme]


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (2.0, 1.0), (1.0, 0.0), (0.5, 2.0)])
@pytest.mark.parametrize("computed_matrix", [False, True])
def test_alpha_and_beta_of_a_gemm(alpha: float, beta: float, computed_matrix: bool, tmp_path: Path) -> None:
    case = gemm(BIASES["N"], (0, 0), alpha, beta, matrix=(20, 4) if computed_matrix else None)
    assert converted_sqnr(case, "int8", tmp_path) >= FLOOR_DB["int8"]


def test_a_gemm_on_its_way_to_litert(tmp_path: Path) -> None:
    assert converted_sqnr(gemm(BIASES["1xN"], (0, 0), 0.5, 2.0), "int8", tmp_path, ".tflite") >= FLOOR_DB["int8"]


@pytest.mark.parametrize("bias", BIASES)
def test_plain_gemms_compute_the_same(bias: str) -> None:
    import onnxruntime

    for trans_a, trans_b, factors, matrix in itertools.product(
        (0, 1), (0, 1), ((1.0, 1.0), (0.5, 2.0), (1.0, 0.0)), (False, True)
    ):
        shape = ((4, 20) if trans_b else (20, 4)) if matrix else None
        before = model(gemm(BIASES[bias], (trans_a, trans_b), *factors, matrix=shape))
        after = onnx.ModelProto()
        after.CopyFrom(before)
        plain_gemms(after.graph)
        onnx.checker.check_model(after, full_check=True)
        feeds = {name: samples[0] for name, samples in data_for(before.graph).items()}
        first, second = (
            onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)[0]
            for m in (before, after)
        )
        np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-6)
        assert {a.name for node in after.graph.node if node.op_type == "Gemm" for a in node.attribute} <= {"transB"}


def test_convolutions_that_share_a_bias(tmp_path: Path) -> None:
    made = model(("Conv", IMAGE, [W, B], {}))
    second = made.graph.node.add()
    second.CopyFrom(made.graph.node[0])
    made.graph.initializer.append(numpy_helper.from_array(W[::-1].copy(), "w"))
    second.input[:] = ["y", "w", "c1"]
    second.output[0] = "c10"  # what onnxruntime would name its copy of the bias c1
    made.graph.node.append(helper.make_node("Transpose", ["c10"], ["z"], perm=[0, 2, 3, 1]))
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 5, 5, 8)))
    onnx.save(made, tmp_path / "in.onnx")
    np.savez(tmp_path / "data.npz", **data_for(made.graph))
    report = convert(tmp_path / "in.onnx", tmp_path / "out.onnx", quantize="int8", calibration=tmp_path / "data.npz")
    assert report.sqnr_db is not None
    assert report.sqnr_db >= FLOOR_DB["int8"]
