"""Inputs and outputs keep their names through every format, whatever the quantizer does around them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from edgequant_runtime import Session
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import convert
from edgequant_converters.tflite import rename_io, write_model

SAMPLES = np.random.default_rng(0).standard_normal((20, 1, 4)).astype(np.float32)
OUTPUTS = ["logits", "prob", "mask", "prob_again", "through"]
FORMATS = [
    ("int8", "int8"), ("int8", "uint8"), ("int8", "float"), ("int16x8", "int16"), ("int16x8", "float"),
    ("dynamic", None), ("fp16", None), ("weight-int8", None), ("fp32", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def many_outputs(tiny_tflite: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .tflite file whose outputs are a layer's result, one that others read too, one given twice, and the input."""
    model = tiny_tflite.build()
    graph = model.subgraphs[0]
    graph.tensors += [
        schema.TensorT(name=name, shape=[1, size], shapeSignature=[-1, size], hasRank=True)
        for name, size in ((b"net/prob", 3), (b"net/mask", 6))
    ]
    code = schema.BuiltinOperator
    model.operatorCodes += [
        schema.OperatorCodeT(builtinCode=c, deprecatedBuiltinCode=c) for c in (code.LOGISTIC, code.CONCATENATION)
    ]
    joined = schema.ConcatenationOptionsT()
    joined.axis = 1
    graph.operators[1:] = [
        schema.OperatorT(opcodeIndex=2, inputs=[3], outputs=[5]),
        schema.OperatorT(
            opcodeIndex=3,
            inputs=[5, 5],
            outputs=[6],
            builtinOptionsType=schema.BuiltinOptions.ConcatenationOptions,
            builtinOptions=joined,
        ),
    ]
    graph.outputs = [3, 5, 6, 5, 0]
    rename_io(model, ["x"], OUTPUTS)
    path = tmp_path_factory.mktemp("names") / "many.tflite"
    write_model(model, path)
    return path


@pytest.mark.parametrize(("scheme", "io"), FORMATS)
def test_a_litert_model_keeps_its_signature(scheme: str, io: str | None, many_outputs: Path, tmp_path: Path) -> None:
    written = tmp_path / "model.tflite"
    report = convert(many_outputs, written, quantize=scheme, io=io, calibration=SAMPLES)
    assert [spec.name for spec in report.inputs] == ["x"]
    assert [spec.name for spec in report.outputs] == OUTPUTS
    session, original = Session(written, engine="litert"), Session(many_outputs, engine="litert")
    assert [[info.name for info in s.outputs] for s in (session, original)] == [OUTPUTS, OUTPUTS]
    computed, expected = session.run(SAMPLES[0]), original.run(SAMPLES[0])
    for name in OUTPUTS:
        np.testing.assert_allclose(computed[name], expected[name], atol=0.1)


@pytest.mark.parametrize("scheme", ["int8", "dynamic", "fp16", "fp32"])
def test_an_onnx_model_keeps_its_names(scheme: str, tmp_path: Path) -> None:
    weights = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["prob"]),
        helper.make_node("Concat", ["prob", "prob"], ["mask"], axis=1),
    ]
    outputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s])
        for n, s in (("logits", 3), ("prob", 3), ("mask", 6))
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])]
    graph = helper.make_graph(nodes, "names", inputs, outputs, [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "float.onnx")
    report = convert(tmp_path / "float.onnx", tmp_path / "model.onnx", quantize=scheme, calibration=SAMPLES)
    assert [spec.name for spec in report.outputs] == ["logits", "prob", "mask"]
    assert set(Session(tmp_path / "model.onnx").run(SAMPLES[0])) == {"logits", "prob", "mask"}
