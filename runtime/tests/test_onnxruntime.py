"""What only ONNX Runtime does: its options, and refusing models it has no kernels for."""

from __future__ import annotations

import numpy as np
import pytest

from edgequant_runtime import EngineError, ModelError, Session, engine_version
from edgequant_runtime._engines._onnxruntime import session_options
from edgequant_runtime._model_file import read_model_file

onnxruntime = pytest.importorskip("onnxruntime")

BF16_FAST_MATH = "mlas.enable_gemm_fastmath_arm64_bfloat16"


def test_bf16_arithmetic_is_for_bf16_weights_alone(models):
    options = session_options(onnxruntime, read_model_file(models / "bf16_weights.onnx"), threads=1)
    assert options.get_session_config_entry(BF16_FAST_MATH) == "1"
    options = session_options(onnxruntime, read_model_file(models / "float.onnx"), threads=1)
    with pytest.raises(RuntimeError):
        options.get_session_config_entry(BF16_FAST_MATH)
    assert Session(models / "bf16_weights.onnx").run(np.ones((1, 4)))["probabilities"].shape == (1, 3)


def test_a_damaged_name_is_one_sentence_and_prints_nothing(models, capfd):
    damaged = (models / "float.onnx").read_bytes().replace(b"Softmax", b"Soft\xfcax")
    with pytest.raises(ModelError, match="ONNX Runtime cannot open"):
        Session(damaged)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_threads_reach_the_engine(models):
    assert session_options(onnxruntime, read_model_file(models / "float.onnx"), threads=3).intra_op_num_threads == 3


def test_unknown_operator_and_unsupported_type(models):
    with pytest.raises(ModelError, match=r"cannot open unknown_op\.onnx: Fatal error: example\.custom:Frobnicate"):
        Session(models / "unknown_op.onnx")
    with pytest.raises(ModelError, match=r"'words' of type tensor\(string\)"):
        Session(models / "text.onnx")


def test_failing_while_running_is_one_sentence(models, monkeypatch, capfd):
    session = Session(models / "float.onnx")
    session._engine.resize([(1, 5)])
    with pytest.raises(EngineError, match="ONNX Runtime failed while it ran the model: ") as raised:
        session.invoke()
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


def test_a_cut_off_model_is_refused_at_any_length(models):
    whole = (models / "bf16_weights.onnx").read_bytes()
    end_of_graph = len(whole) - len(b"edgequant.weights") - len(b"bfloat16") - 20
    for length in range(end_of_graph):
        with pytest.raises(ModelError):
            Session(whole[:length])


def test_version():
    assert engine_version("onnxruntime") == f"onnxruntime {onnxruntime.__version__}"


def test_an_output_larger_than_any_memory_is_one_sentence():
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info("x", kind, [1]), helper.make_tensor_value_info("y", kind, [1 << 56, 5])]
    graph = helper.make_graph([helper.make_node("Expand", ["x", "size"], ["y"])], "g", values[:1], values[1:])
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([1 << 56, 5]), "size"))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelError, match="larger than this machine's memory"):
        Session(model.SerializeToString())
