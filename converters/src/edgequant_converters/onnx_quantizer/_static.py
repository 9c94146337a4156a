"""Full-integer ONNX: QuantizeLinear and DequantizeLinear around every operator that has an integer kernel."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

from edgequant_converters._request import QuantizationRequest, Samples
from edgequant_converters._schemes import Scheme

from ._activations import ActivationWatch
from ._learned import has_clamp_above_its_grid, int4_overrides, without_range

Ranges = Mapping[str, tuple[float, float]]


def quantize_static(model: ModelProto, request: QuantizationRequest, samples: Samples) -> ModelProto:
    """Return a QDQ graph with the ranges that the samples ask for, measured by our own collector.

    onnxruntime's collectors keep every activation of every sample in memory.
    """
    ranges = _observe(model, request, samples)
    excluded = [node.name for node in model.graph.node if request.keeps_float(node.op_type, node.name)]
    options: dict[str, Any] = {}
    if request.learned is not None:
        excluded += without_range(model, set(ranges))
        options["QDQKeepRemovableActivations"] = has_clamp_above_its_grid(model, ranges)
        options["TensorQuantOverrides"] = int4_overrides(model) if request.learned.weight_bits == 4 else {}
    return quantize_with_ranges(model, request, ranges, excluded, options)


def quantize_with_ranges(
    model: ModelProto,
    request: QuantizationRequest,
    ranges: Ranges,
    excluded: Sequence[str],
    options: Mapping[str, Any] | None = None,
) -> ModelProto:
    """Return a QDQ graph; signed symmetric weights, int8 or int16 activations (S8S8, the pair ARM kernels prefer).

    `ranges` has (min, max) of every activation, handed over as a calibration cache; nodes named in `excluded` stay in
    float.
    """
    from onnxruntime.quantization import QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as qdq
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, save_tensors_data

    arrays = {name: (np.array([low], np.float32), np.array([high], np.float32)) for name, (low, high) in ranges.items()}
    with tempfile.TemporaryDirectory() as folder:
        cache, output = Path(folder, "ranges.json"), Path(folder, "quantized.onnx")
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, arrays), cache)
        qdq(
            model,
            output,
            quant_format=QuantFormat.QDQ,
            per_channel=request.per_channel,
            activation_type=QuantType.QInt16 if request.scheme is Scheme.INT16X8 else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=list(excluded),
            calibration_cache_path=cache,
            extra_options=dict(options or {}),
        )
        return onnx.load(output)


def _observe(model: ModelProto, request: QuantizationRequest, samples: Samples) -> Ranges:
    watch, collector = ActivationWatch(model), request.collector()
    for sample in samples:
        for name, value in watch.run(sample):
            collector.update(name, value)
    return collector.ranges()
