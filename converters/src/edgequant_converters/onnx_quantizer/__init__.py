"""From a float32 .onnx to every other number format, by onnxruntime's quantizer and our own weight storage."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import ModelProto

from edgequant_converters._request import QuantizationRequest, Samples
from edgequant_converters._schemes import Scheme
from edgequant_converters.sources._quiet import quiet

from ._activations import ActivationWatch
from ._prepare import prepare

__all__ = ["ActivationWatch", "prepare", "quantize_onnx", "quantize_onnx_with_ranges"]

STORAGE_KEY = "edgequant.weights"
"""Metadata entry that names a 16-bit weight format by which a runtime may choose its arithmetic."""


def quantize_onnx(hub: Path, output: Path, request: QuantizationRequest, samples: Samples) -> None:
    """Write `hub`, a float32 ONNX file, to `output` in the requested scheme.

    `samples` is read only by the schemes that need calibration, once. Raises UnsupportedError and CalibrationError.
    """
    if request.scheme is Scheme.FP32:
        shutil.copyfile(hub, output)
        return
    with quiet():
        model = _quantized(prepare(hub), request, samples)
    onnx.save(model, output)


def quantize_onnx_with_ranges(
    hub: Path, per_channel: bool, ranges: Mapping[str, tuple[float, float]], kept_float: Sequence[str]
) -> bytes:
    """Return `hub` in int8, with the given (min, max) of every activation; nodes named in `kept_float` stay in float.

    The names are those of the graph that `prepare` gives. Raises UnsupportedError.
    """
    from ._static import quantize_with_ranges
    from ._weights import store_half_weights

    request = QuantizationRequest(Scheme.INT8, per_channel=per_channel)
    with quiet():
        model = quantize_with_ranges(prepare(hub), request, ranges, kept_float)
    store_half_weights(model, request, np.float16)
    return bytes(model.SerializeToString())


def _quantized(model: ModelProto, request: QuantizationRequest, samples: Samples) -> ModelProto:
    from ._dynamic import quantize_dynamic
    from ._nbits import quantize_int4_weights
    from ._static import quantize_static
    from ._weights import store_half_weights, store_int8_weights

    match request.scheme:
        case Scheme.FP16:
            store_half_weights(model, request, np.float16)
        case Scheme.BF16:
            store_half_weights(model, request, ml_dtypes.bfloat16)
            onnx.helper.set_model_props(model, {STORAGE_KEY: "bfloat16"})
        case Scheme.INT8 | Scheme.INT16X8:
            model = quantize_static(model, request, samples)
            # What has no integer kernel (LSTM, GRU) computes in float; half the bytes cost it no accuracy.
            store_half_weights(model, request, np.float16)
        case _:
            if request.scheme is Scheme.DYNAMIC:
                model = quantize_dynamic(model, request)
            elif request.scheme is Scheme.WEIGHT_INT4:
                model = quantize_int4_weights(model, request)
            store_int8_weights(model, request)
    return model
