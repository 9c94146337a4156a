"""Six torch nets in every number format and both file formats, held to figures that were measured elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import IDENTICAL_DB, ConversionReport, Scheme, convert

pytestmark = pytest.mark.torch_export

Hubs = Callable[[str, str], Path]

NETS = ("mlp", "lenet", "mobilenetv2", "transformer", "lstm", "gru")
SAMPLES = 64

# SQNR in dB that other conversions of nets of these kinds reached with min-max ranges on random inputs; ours may fall
# short by no more than 2 dB. None: no figure is known, and the format only has to be far from noise.
SLACK_DB = 2.0
UNKNOWN_FLOOR_DB = 18.0
KNOWN_DB: dict[tuple[str, Scheme], dict[str, float]] = {
    (".tflite", Scheme.FP16): {"mlp": 105, "lenet": 74, "mobilenetv2": 67, "transformer": 69, "lstm": 81, "gru": 76},
    (".tflite", Scheme.DYNAMIC): {"mlp": 73, "lenet": 43, "mobilenetv2": 42, "transformer": 41, "lstm": 52, "gru": 44},
    (".tflite", Scheme.INT8): {
        "mlp": 56.9, "lenet": 40.1, "mobilenetv2": 40.5, "transformer": 29.6, "lstm": 37.1, "gru": 33.6,
    },
    (".tflite", Scheme.INT16X8): {
        "mlp": 63.7, "lenet": 43.1, "mobilenetv2": 42.8, "transformer": 46.0, "lstm": 53.6, "gru": 45.7,
    },
    (".tflite", Scheme.WEIGHT_INT4): {
        "mlp": 53, "lenet": 25, "mobilenetv2": 19, "transformer": 18, "lstm": 26, "gru": 21,
    },
    (".onnx", Scheme.FP16): dict.fromkeys(NETS, 65.0),
    (".onnx", Scheme.INT8): {"mlp": 63, "lenet": 40, "mobilenetv2": 40, "transformer": 31, "lstm": 44},
    (".onnx", Scheme.INT16X8): {"mlp": 63.7, "lenet": 43.1, "mobilenetv2": 43.2, "transformer": 36.4, "lstm": 49.7},
}  # fmt: skip

# Upper bounds of bytes over float32 bytes, for nets whose weights are most of the file.
LARGEST_RATIO = {
    Scheme.FP16: 0.55, Scheme.BF16: 0.55, Scheme.DYNAMIC: 0.35, Scheme.INT8: 0.35, Scheme.INT16X8: 0.36,
    Scheme.WEIGHT_INT8: 0.35, Scheme.WEIGHT_INT4: 0.35,
}  # fmt: skip
MOSTLY_WEIGHTS = ("mlp", "lenet", "mobilenetv2")


def cells() -> list[Any]:
    return [
        # One worker takes all cells of a net, so that each net is imported once.
        pytest.param(net, suffix, scheme, marks=pytest.mark.xdist_group(net), id=f"{net}-{scheme}{suffix}")
        for net in NETS
        for suffix in (".tflite", ".onnx")
        for scheme in Scheme
        if scheme is not Scheme.FP32 and (suffix, scheme) != (".tflite", Scheme.BF16)
    ]


def samples_for(nets: Any, net: str) -> np.ndarray:
    shape = tuple(nets[net][1][0].shape)[1:]
    return np.random.default_rng(0).standard_normal((SAMPLES, *shape)).astype(np.float32)


WITHOUT_INT8 = {"mlp": "LOG_SOFTMAX", "gru": "WHILE"}
"""What has no int8 form, in which net; what is in the loop, or between loops, stays in float with it."""


@pytest.mark.parametrize(("net", "suffix", "scheme"), cells())
def test_a_format_keeps_the_outputs(
    net: str, suffix: str, scheme: Scheme, nets: Any, hubs: Hubs, tmp_path: Path
) -> None:
    report: ConversionReport = convert(
        hubs(net, suffix), tmp_path / f"out{suffix}", quantize=scheme, calibration=samples_for(nets, net)
    )
    known = KNOWN_DB.get((suffix, scheme), {}).get(net)
    floor = UNKNOWN_FLOOR_DB if known is None else known - SLACK_DB
    assert report.sqnr_db is not None
    assert report.sqnr_db >= floor
    assert not any(warning.startswith("Nothing was quantized") for warning in report.warnings)
    if net in MOSTLY_WEIGHTS:
        assert report.ratio <= LARGEST_RATIO[scheme]
    if scheme is not Scheme.INT8 or suffix != ".tflite":
        return
    if net in WITHOUT_INT8:
        assert WITHOUT_INT8[net] in {op.type for op in report.float_ops}
    else:
        assert report.float_ops == ()
        assert [spec.dtype.name for spec in (*report.inputs, *report.outputs)] == ["int8", "int8"]


@pytest.mark.xdist_group("lenet")
@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_a_net_is_converted_to_its_hub(suffix: str, nets: Any, hubs: Hubs, tmp_path: Path) -> None:
    module, example_inputs = nets["lenet"]
    report = convert(module, tmp_path / f"lenet{suffix}", example_inputs=example_inputs)
    assert report.sqnr_db == IDENTICAL_DB
    assert report.bytes == report.output.stat().st_size
    assert report.output.read_bytes() == hubs("lenet", suffix).read_bytes()


@pytest.mark.xdist_group("lenet")
def test_an_exported_onnx_graph_becomes_litert(hubs: Hubs, tmp_path: Path) -> None:
    """Of the six nets, test_onnx_source compares the outputs."""
    report = convert(hubs("lenet", ".onnx"), tmp_path / "from_onnx.tflite")
    assert report.float_ops == ()
    assert report.target == "litert"
