"""Full-integer ONNX: QuantizeLinear and DequantizeLinear around every operator that has an integer kernel."""

import itertools
import tempfile
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto

from edgequant_converters._request import QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme

from ._learned import has_clamp_above_its_grid, int4_overrides, without_range
from ._weights import per_tensor_overrides

_WITH_BIAS = {"Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization"}  # at input 2


def quantize_static(
    model: ModelProto, request: QuantizationRequest, ranges: Ranges, kept: AbstractSet[str]
) -> ModelProto:
    """Return a QDQ graph; signed symmetric weights, int8 or int16 activations (S8S8, the pair ARM kernels prefer).

    `ranges` is handed over as a calibration cache: onnxruntime's own collectors keep every activation of every sample.
    """
    from onnxruntime.quantization import QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as qdq
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, save_tensors_data

    _unshare_biases(model.graph)
    excluded, options = set(kept), dict[str, Any]()
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


def _unshare_biases(graph: GraphProto) -> None:
    """Give every node a bias of its own, since each gets its own scale.

    onnxruntime would do so, but under the bias's name with a number, which may be the name of another value.
    """
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    seen = set[str]()
    for node in graph.node:
        name = node.input[2] if node.op_type in _WITH_BIAS and len(node.input) > 2 else ""
        if name in seen and name in constants:
            new = next(f"{name}_{n}" for n in itertools.count(1) if f"{name}_{n}" not in taken)
            copy = graph.initializer.add()
            copy.CopyFrom(constants[name])
            copy.name = node.input[2] = new
            taken.add(new)
        seen.add(name)
