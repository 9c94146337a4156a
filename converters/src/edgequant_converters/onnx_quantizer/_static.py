"""Full-integer ONNX: QuantizeLinear and DequantizeLinear around every operator that has an integer kernel."""

import tempfile
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

from edgequant_converters._request import QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme

from ._learned import has_clamp_above_its_grid, int4_overrides, without_range
from ._prepare import own_biases
from ._weights import per_tensor_overrides


def quantize_static(
    model: ModelProto, request: QuantizationRequest, ranges: Ranges, kept: AbstractSet[str]
) -> ModelProto:
    """Return a QDQ graph; signed symmetric weights, int8 or int16 activations (S8S8, the pair ARM kernels prefer).

    `ranges` is handed over as a calibration cache: onnxruntime's own collectors keep every activation of every sample.
    """
    from onnxruntime.quantization import QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as qdq
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, save_tensors_data

    own_biases(model.graph)
    excluded, options = set(kept) | _unseen_softmaxes(model, ranges), dict[str, Any]()
    overrides = per_tensor_overrides(model)
    if request.learned is not None:
        excluded |= set(without_range(model, set(ranges)))
        options["QDQKeepRemovableActivations"] = has_clamp_above_its_grid(model, ranges)
        overrides |= int4_overrides(model) if request.learned.weight_bits == 4 else {}
    options["TensorQuantOverrides"] = overrides
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
            nodes_to_exclude=sorted(excluded),
            calibration_cache_path=cache,
            extra_options=options,
        )
        return onnx.load(output)


def _unseen_softmaxes(model: ModelProto, ranges: Ranges) -> set[str]:
    """Return the names of those in float64, which has no ranges: onnxruntime gives every softmax one, or fails."""
    return {node.name for node in model.graph.node if node.op_type == "Softmax" and node.output[0] not in ranges}
