"""From a float32 .onnx to every other number format, by onnxruntime's quantizer and our own weight storage."""

import shutil
from collections.abc import Collection
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import ModelProto

from edgequant_converters._onnx_write import fit_versions, save_onnx
from edgequant_converters._quiet import quiet
from edgequant_converters._request import ActivationWatch, QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme

from ._activations import OnnxActivations
from ._prepare import prepare

__all__ = ["OnnxActivations", "prepare", "quantize_onnx", "quantize_onnx_with_ranges", "watch_onnx"]

STORAGE_KEY = "edgequant.weights"
"""Metadata entry that names a 16-bit weight format by which a runtime may choose its arithmetic."""


def quantize_onnx(hub: Path, output: Path, request: QuantizationRequest, ranges: Ranges) -> None:
    """Write `hub`, a float32 ONNX file, to `output` in the requested scheme.

    `ranges` has (min, max) of every activation, from `watch_onnx`, for the schemes that need calibration. Raises
    UnsupportedError.
    """
    if request.scheme is Scheme.FP32:
        shutil.copyfile(hub, output)
        return
    with quiet():
        model = _quantized(prepare(hub), request, ranges)
    save_onnx(model, output)


def watch_onnx(hub: Path) -> ActivationWatch:
    """Return what runs a float32 ONNX file and shows its activations, as `quantize_onnx` will find them."""
    with quiet():
        return OnnxActivations(prepare(hub))


def quantize_onnx_with_ranges(hub: Path, per_channel: bool, ranges: Ranges, kept: Collection[str]) -> bytes:
    """Return `hub` in int8, with the given (min, max) of every activation; the nodes in `kept` stay in float.

    The names are those of the graph that `prepare` gives. Raises UnsupportedError.
    """
    from ._static import quantize_static
    from ._weights import store_half_weights

    with quiet():
        request = QuantizationRequest(Scheme.INT8, per_channel=per_channel)
        model = quantize_static(prepare(hub), request, ranges, set(kept))
    store_half_weights(model, set(kept), np.float16)
    fit_versions(model)
    return bytes(model.SerializeToString())


def _quantized(model: ModelProto, request: QuantizationRequest, ranges: Ranges) -> ModelProto:
    from ._dynamic import quantize_dynamic
    from ._gemm import kept_float
    from ._nbits import quantize_int4_weights
    from ._static import quantize_static
    from ._weights import store_half_weights, store_int8_weights

    kept = kept_float(model.graph, request)  # before anything is rewritten
    match request.scheme:
        case Scheme.FP16:
            store_half_weights(model, kept, np.float16)
        case Scheme.BF16:
            store_half_weights(model, kept, ml_dtypes.bfloat16)
            onnx.helper.set_model_props(model, {STORAGE_KEY: "bfloat16"})
        case Scheme.INT8 | Scheme.INT16X8:
            model = quantize_static(model, request, ranges, kept)
            # What has no integer kernel (LSTM, GRU) computes in float; half the bytes cost it no accuracy.
            store_half_weights(model, kept, np.float16)
        case _:
            if request.scheme is Scheme.DYNAMIC:
                model = quantize_dynamic(model, request, kept)
            elif request.scheme is Scheme.WEIGHT_INT4:
                model = quantize_int4_weights(model, kept)
            store_int8_weights(model, kept, per_channel=request.per_channel)
    return model
