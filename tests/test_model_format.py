"""The format is told back from what the converters themselves write."""

import numpy as np
import onnx
import pytest
from edgequant_converters import Scheme, convert
from onnx import TensorProto, helper, numpy_helper

from edgequant._model_format import model_format


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("float.tflite", "fp32"),
        ("float.onnx", "fp32"),
        ("int8.tflite", "int8"),
        ("int8_float_io.tflite", "int8"),
        ("uint8.tflite", "int8"),
        ("two_inputs.onnx", None),  # nothing trained in it
    ],
)
def test_small_models(models, name, expected):
    assert model_format(models / name) == expected


def test_no_model(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no model")
    assert model_format(tmp_path / "x.onnx") is None


@pytest.fixture(scope="module")
def two_layers(tmp_path_factory):
    """An .onnx model of two dense layers, wide enough for blocks of 32."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (64, 96), "b1": (96,), "w2": (96, 32), "b2": (32,)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], "first"),
            helper.make_node("Relu", ["h"], ["r"], "relu"),
            helper.make_node("Gemm", ["r", "w2", "b2"], ["y"], "second"),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32])],
        [numpy_helper.from_array(rng.normal(size=s).astype(np.float32), n) for n, s in shapes.items()],
    )
    path = tmp_path_factory.mktemp("net") / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


@pytest.mark.parametrize("scheme", list(Scheme))
def test_onnx_formats(two_layers, tmp_path, scheme):
    data = list(np.random.default_rng(1).normal(size=(16, 64)).astype(np.float32))
    convert(two_layers, tmp_path / "out.onnx", quantize=scheme, calibration=data)
    assert model_format(tmp_path / "out.onnx") == scheme


@pytest.mark.parametrize("scheme", [scheme for scheme in Scheme if scheme is not Scheme.BF16])
def test_litert_formats(shared, tmp_path, scheme):
    data = list(np.random.default_rng(1).normal(size=(16, 640)).astype(np.float32))
    convert(shared / "models" / "ad01_fp32.tflite", tmp_path / "out.tflite", quantize=scheme, calibration=data)
    assert model_format(tmp_path / "out.tflite") == scheme
