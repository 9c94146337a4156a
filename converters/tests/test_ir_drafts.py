"""A model of which only numbers differ is the one that would be written anew, to the last bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Session
from edgequant_runtime.isolation import engine_process

from edgequant_converters import convert
from edgequant_converters._request import QuantizationRequest
from edgequant_converters._schemes import Scheme
from edgequant_converters.calibration import Rounding
from edgequant_converters.ir import Drafts, _drafts, read_ir, write_ir
from edgequant_converters.quantizer import layer_inputs, quantize_litert, watch_litert
from edgequant_converters.tflite import read_model

pytestmark = pytest.mark.torch_export


@pytest.mark.parametrize("net", ["mobilenetv2", "transformer", "lstm"])
@pytest.mark.parametrize("scheme", [Scheme.INT8, Scheme.INT16X8])
def test_other_ranges_and_biases_give_the_same_bytes(
    net: str, scheme: Scheme, nets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, example = nets[net]
    path, drafts, packed = tmp_path / "hub.tflite", Drafts(), []
    convert(module, path, example_inputs=example)
    hub, request = read_model(path), QuantizationRequest(scheme)
    (name,) = (info.name for info in Session(path).inputs)
    sample = {name: np.random.default_rng(0).normal(size=example[0].shape).astype(np.float32)}
    with engine_process():
        seen = {name: (float(values.min()), float(values.max())) for name, values in watch_litert(hub).run(sample)}
    means = {name: np.full(size, 0.1) for name, (_, size) in layer_inputs(hub).items()}
    alone = _drafts.model_bytes
    monkeypatch.setattr(_drafts, "model_bytes", lambda table: packed.append(table) or alone(table))
    for share, rounding in ((1.0, None), (0.7, None), (0.9, Rounding(means, {}, {}))):
        ranges = {name: (low * share, high * share) for name, (low, high) in seen.items()}
        io = "int8" if scheme is Scheme.INT8 else "int16"
        kept = quantize_litert(hub, tmp_path / "drafted.tflite", request, io, ranges, rounding, drafts)
        assert quantize_litert(hub, tmp_path / "written.tflite", request, io, ranges, rounding) == kept
        assert (tmp_path / "drafted.tflite").read_bytes() == (tmp_path / "written.tflite").read_bytes()
    assert len(packed) < 3, "what follows the first is not packed anew"


def test_what_is_read_again_is_as_it_was(nets: Any, tmp_path: Path) -> None:
    module, example = nets["mlp"]
    convert(module, path := tmp_path / "hub.tflite", example_inputs=example)
    drafts, hub = Drafts(), read_model(path)
    first, second = drafts.read(hub), drafts.read(hub)
    before = write_ir(second)
    for operator in first.main.operators:
        operator.options.clear()
        operator.output.type = "INT8"
        operator.inputs.clear()
    assert write_ir(drafts.read(hub)) == before == write_ir(read_ir(hub))
    constants = [[one for one in model.main.tensors() if one.is_constant] for model in (second, drafts.read(hub))]
    assert constants[0] and constants[0] == constants[1], "the same objects"


def test_another_graph_is_packed_anew(nets: Any, tmp_path: Path) -> None:
    drafts = Drafts()
    for net in ("mlp", "lenet", "mlp"):
        module, example = nets[net]
        path, drafted = tmp_path / f"{net}.tflite", tmp_path / "drafted.tflite"
        convert(module, path, example_inputs=example)
        request = QuantizationRequest(Scheme.WEIGHT_INT8)
        quantize_litert(read_model(path), drafted, request, "float", {}, None, drafts)
        quantize_litert(read_model(path), path, request, "float", {})
        assert drafted.read_bytes() == path.read_bytes()
