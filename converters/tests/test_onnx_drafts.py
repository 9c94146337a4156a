"""An int8 graph with other ranges is the one that onnxruntime's quantizer writes, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgequant_runtime.isolation import engine_process

from edgequant_converters import convert
from edgequant_converters._request import QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.calibration import Rounding
from edgequant_converters.onnx_quantizer import Drafts, _static, layer_inputs, quantize_onnx, watch_onnx

pytestmark = pytest.mark.torch_export

INT8 = QuantizationRequest(Scheme.INT8)


def ranges_of(hub: Path, shape: tuple[int, ...]) -> Ranges:
    (name,) = (value.name for value in onnx.load(hub).graph.input)
    sample = {name: np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    return {name: (float(seen.min()), float(seen.max())) for name, seen in watch_onnx(hub).run(sample)}


@pytest.mark.parametrize("net", ["mobilenetv2", "transformer"])
def test_other_ranges_and_biases_give_the_same_bytes(
    net: str, nets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, example = nets[net]
    hub, drafts, written = tmp_path / "hub.onnx", Drafts(), []
    convert(module, hub, example_inputs=example)
    with engine_process():
        seen = ranges_of(hub, tuple(example[0].shape))
        means = {name: np.full(size, 0.1) for name, (_, size) in layer_inputs(hub).items()}
        alone = _static.quantize_static
        monkeypatch.setattr(_static, "quantize_static", lambda *given: written.append(given) or alone(*given))
        for share, rounding in ((1.0, None), (0.7, None), (0.9, Rounding(means, {}, {}))):
            ranges = {name: (low * share, high * share) for name, (low, high) in seen.items()}
            kept = quantize_onnx(hub, tmp_path / "drafted.onnx", INT8, ranges, rounding, drafts)
            assert len(written) == 1, "the first is written by onnxruntime's quantizer, the others are drafted"
            with monkeypatch.context() as own:
                own.setattr(_static, "quantize_static", alone)
                assert quantize_onnx(hub, tmp_path / "written.onnx", INT8, ranges, rounding) == kept
            assert (tmp_path / "drafted.onnx").read_bytes() == (tmp_path / "written.onnx").read_bytes()


def test_a_bias_that_needs_coarser_weights_is_written_anew(nets: Any, tmp_path: Path) -> None:
    module, example = nets["lenet"]
    hub, drafts = tmp_path / "hub.onnx", Drafts()
    convert(module, hub, example_inputs=example)
    with engine_process():
        seen = ranges_of(hub, tuple(example[0].shape))
        for share in (1.0, 1e-9, 1.0):
            ranges = {name: (low * share, high * share) for name, (low, high) in seen.items()}
            quantize_onnx(hub, tmp_path / "drafted.onnx", INT8, ranges, None, drafts)
            quantize_onnx(hub, tmp_path / "written.onnx", INT8, ranges)
            assert (tmp_path / "drafted.onnx").read_bytes() == (tmp_path / "written.onnx").read_bytes()
