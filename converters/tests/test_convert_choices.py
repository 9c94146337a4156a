"""What the arguments of a conversion change in the model that is written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import ConversionReport, OutputError, SourceError, UnsupportedError, convert
from edgequant_converters._evaluate import open_model
from edgequant_converters.graph import read_graph

SAMPLES = np.random.default_rng(0).standard_normal((40, 1, 28, 28)).astype(np.float32)


@pytest.fixture(scope="module")
def lenet(hubs: Any) -> Any:
    return lambda suffix: hubs("lenet", suffix)


pytestmark = [pytest.mark.torch_export, pytest.mark.xdist_group("lenet")]


def weight_scales(path: Path) -> list[int]:
    """Number of scales of each int8 weight of a matrix or filter."""
    return [len(t.scales) for t in read_graph(path).tensors if t.is_parameter and t.dtype == "int8"]


def test_weights_have_a_scale_per_channel_unless_asked_otherwise(lenet: Any, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"quantize": "int8", "calibration": SAMPLES}
    convert(lenet(".tflite"), tmp_path / "channel.tflite", **arguments)
    convert(lenet(".tflite"), tmp_path / "tensor.tflite", per_channel=False, **arguments)
    assert sorted(weight_scales(tmp_path / "channel.tflite")) == [6, 10, 16, 84, 120]
    assert weight_scales(tmp_path / "tensor.tflite") == [1] * 5


@pytest.mark.parametrize(
    ("scheme", "io", "dtype"),
    [
        ("int8", None, "int8"),
        ("int8", "uint8", "uint8"),
        ("int8", "float", "float32"),
        ("int16x8", None, "int16"),
        ("int16x8", "float", "float32"),
    ],
)
def test_io_sets_the_type_and_not_the_values(
    scheme: str, io: str | None, dtype: str, lenet: Any, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    report = convert(lenet(".tflite"), path, quantize=scheme, calibration=SAMPLES, io=io)
    assert [spec.dtype.name for spec in (*report.inputs, *report.outputs)] == [dtype] * 2
    assert report.float_ops == ()
    default = convert(lenet(".tflite"), tmp_path / "default.tflite", quantize=scheme, calibration=SAMPLES)
    assert report.sqnr_db == pytest.approx(default.sqnr_db, abs=0.2)


def test_uint8_edges_are_the_int8_ones_shifted_by_128(lenet: Any, tmp_path: Path) -> None:
    for io in ("int8", "uint8"):
        convert(lenet(".tflite"), tmp_path / f"{io}.tflite", quantize="int8", calibration=SAMPLES, io=io)
    signed, unsigned = (open_model(tmp_path / f"{io}.tflite") for io in ("int8", "uint8"))
    image = np.random.default_rng(1).integers(-128, 128, (1, 1, 28, 28))
    (expected,) = signed.run({signed.inputs[0].name: image.astype(np.int8)})
    (computed,) = unsigned.run({unsigned.inputs[0].name: (image + 128).astype(np.uint8)})
    np.testing.assert_array_equal(computed.astype(int) - 128, expected)


@pytest.mark.parametrize("scheme", ["dynamic", "int8", "int16x8", "weight-int8", "weight-int4", "fp16"])
@pytest.mark.parametrize(("suffix", "matrix"), [(".tflite", "FULLY_CONNECTED"), (".onnx", "Gemm")])
def test_keep_float_by_type(scheme: str, suffix: str, matrix: str, lenet: Any, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    report = convert(lenet(suffix), path, quantize=scheme, calibration=SAMPLES, keep_float=matrix)
    kept = [op for op in report.float_ops if "--keep-float" in op.reason]
    assert len(kept) == 3, report.float_ops
    float_matrices = [
        t for t in read_graph(path).tensors if t.is_parameter and t.dtype == "float32" and t.elements > 500
    ]
    assert len(float_matrices) == 3


@pytest.mark.parametrize("scheme", ["dynamic", "int8", "weight-int8", "weight-int4"])
def test_keep_float_by_name(scheme: str, lenet: Any, tmp_path: Path) -> None:
    hub = lenet(".onnx")
    name = [op.name for op in read_graph(hub).ops if op.type == "Gemm"][1]
    path = tmp_path / "model.onnx"
    report = convert(hub, path, quantize=scheme, calibration=SAMPLES, keep_float=f"^{name}$")
    assert sum("--keep-float" in op.reason for op in report.float_ops) == 1, report.float_ops
    sizes = [t.elements for t in read_graph(path).tensors if t.is_parameter and t.dtype == "float32"]
    assert sum(size > 500 for size in sizes) == 1


def test_calibration_methods_give_different_ranges(lenet: Any, tmp_path: Path) -> None:
    spread = SAMPLES.copy()
    spread[:, 0, 0, 0] *= 50  # one pixel that is far out
    scales = set()
    for method in ("minmax", "percentile", "entropy"):
        path = tmp_path / f"{method}.tflite"
        report = convert(lenet(".tflite"), path, quantize="int8", calibration=spread, calibration_method=method)
        scales.add(report.inputs[0].scale)
    assert len(scales) == 3


def test_the_written_model_has_seen_all_samples(lenet: Any, tmp_path: Path) -> None:
    samples = SAMPLES.copy()
    samples[9] *= 100  # the first that is kept aside for measuring
    options = {"quantize": "int8", "calibration": samples, "calibration_method": "minmax"}
    report = convert(lenet(".tflite"), tmp_path / "model.tflite", **options)
    low, high = min(samples.min(), 0.0), samples.max()
    assert report.inputs[0].scale == pytest.approx((high - low) / 255, rel=1e-5)
    assert report.calibration_samples == 40
    assert "held-back" in report.sqnr_measured_on
    few = convert(lenet(".tflite"), tmp_path / "few.tflite", quantize="int8", calibration=samples[:5])
    assert "fewer than 10" in few.sqnr_measured_on


def test_the_same_inputs_give_the_same_bytes(lenet: Any, tmp_path: Path) -> None:
    for suffix in (".tflite", ".onnx"):
        for name in ("one", "two"):
            convert(lenet(suffix), tmp_path / f"{name}{suffix}", quantize="int8", calibration=SAMPLES)
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_a_source_is_never_overwritten(lenet: Any, tmp_path: Path) -> None:
    source = tmp_path / "net.onnx"
    source.write_bytes(lenet(".onnx").read_bytes())
    with pytest.raises(OutputError, match="is the source itself"):
        convert(source, source, quantize="fp16")
    assert source.read_bytes() == lenet(".onnx").read_bytes()


def test_a_link_stays_a_link(lenet: Any, tmp_path: Path) -> None:
    real, link = tmp_path / "real.onnx", tmp_path / "link.onnx"
    link.symlink_to(real)
    report: ConversionReport = convert(lenet(".onnx"), link, quantize="fp16")
    assert link.is_symlink()
    assert real.stat().st_size == report.bytes


def test_a_write_protected_output_stays(lenet: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="write-protected"):
        convert(lenet(".onnx"), path, quantize="fp16")
    assert path.read_bytes() == b"old"


def test_a_suffix_may_be_upper_case(lenet: Any, tmp_path: Path) -> None:
    assert convert(lenet(".onnx"), tmp_path / "MODEL.ONNX", quantize="fp16").target == "onnx"


def test_example_inputs_may_be_one_tensor(nets: Any, tmp_path: Path) -> None:
    module, (example,) = nets["lenet"]
    assert convert(module, tmp_path / "net.onnx", example_inputs=example).inputs[0].shape == (1, 1, 28, 28)
    with pytest.raises(SourceError, match="needs example_inputs"):
        convert(module, tmp_path / "net.onnx")


def test_an_empty_keep_float_is_refused(lenet: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="empty expression"):
        convert(lenet(".onnx"), tmp_path / "model.onnx", quantize="fp16", keep_float="")


def test_a_reader_that_fails_is_not_taken_for_the_output(lenet: Any, tmp_path: Path) -> None:
    def samples() -> Any:
        yield SAMPLES[0]
        raise FileNotFoundError(2, "No such file or directory", "image7.png")

    from edgequant_converters import CalibrationError

    with pytest.raises(CalibrationError, match=r"Sample 1 .*image7.png"):
        convert(lenet(".onnx"), tmp_path / "model.onnx", quantize="int8", calibration=samples())
