"""What a report says of what was quantized, and of whose SQNR it gives."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgequant_runtime import TensorInfo
from onnx import TensorProto, helper

from edgequant_converters import ConversionReport, ConverterError, SourceError, convert
from edgequant_converters._measure import noise_samples

NOTHING = "Nothing was quantized: "


def report_of(folder: Path, nodes: list[Any], outputs: tuple[str, ...], scheme: str, suffix: str) -> ConversionReport:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16]) for name in outputs]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], results), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, folder / "in.onnx")
    data = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    return convert(folder / "in.onnx", folder / f"out{suffix}", quantize=scheme, calibration=data)


def nothing(report: ConversionReport) -> list[str]:
    return [warning for warning in report.warnings if warning.startswith(NOTHING)]


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_activations_alone_are_something(scheme: str, suffix: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, [helper.make_node("Softmax", ["x"], ["y"])], ("y",), scheme, suffix)
    assert report.float_ops == ()
    assert nothing(report) == []


@pytest.mark.parametrize("scheme", ["fp16", "dynamic", "weight-int8", "weight-int4"])
def test_no_weights_are_nothing_to_store(scheme: str, tmp_path: Path) -> None:
    report = report_of(tmp_path, [helper.make_node("Softmax", ["x"], ["y"])], ("y",), scheme, ".onnx")
    assert nothing(report) == [f"{NOTHING}the network has no weights that {scheme} stores in fewer bits."]


def test_the_reasons_are_grouped_and_counted(tmp_path: Path) -> None:
    nodes = [helper.make_node("Erf", ["x"], ["p"]), helper.make_node("Erf", ["p"], ["y"])]
    (warning,) = nothing(report_of(tmp_path, nodes, ("y",), "int8", ".onnx"))
    assert warning == f"{NOTHING}2 Erf: onnxruntime's quantizer has no int8 form of Erf."


def test_the_sqnr_names_its_output(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["same"]), helper.make_node("Softmax", ["x"], ["rounded"])]
    report = report_of(tmp_path, nodes, ("same", "rounded"), "int8", ".onnx")
    assert report.sqnr_output == "rounded"
    assert report.to_dict()["sqnr_output"] == "rounded"


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: Any) -> None:
        raise SourceError(f"{path.name} cannot be opened: Load model from {path} failed.")

    monkeypatch.setattr("edgequant_converters._convert.left_in_float", refuse)
    with pytest.raises(ConverterError) as caught:
        report_of(tmp_path, [helper.make_node("Softmax", ["x"], ["y"])], ("y",), "int8", ".onnx")
    assert str(caught.value) == "out.onnx cannot be opened: Load model from out.onnx failed."


def test_noise_between_limits_is_seldom_near_them() -> None:
    inputs = [TensorInfo("x", (1, 4000), np.dtype(np.float32))]
    values = np.concatenate([sample["x"] for sample in noise_samples(inputs, [(0.0, 255.0)])])
    assert values.min() >= 0
    assert values.max() <= 255
    assert np.mean(np.abs(values - 127.5) > 96) < 0.01
