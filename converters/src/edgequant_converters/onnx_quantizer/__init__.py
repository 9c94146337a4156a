"""From a float32 .onnx to every other number format, by onnxruntime's quantizer and our own weight storage."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx import ModelProto

from edgequant_converters._onnx_write import fit_versions, save_onnx
from edgequant_converters._quiet import quiet
from edgequant_converters._request import ActivationWatch, QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.calibration import FirstLayer, Rounding
from edgequant_converters.quantizer import Floats, function_results, read_through

from ._activations import OnnxActivations
from ._bias import Int8Grids, correct_biases
from ._bias import first_layer as _first_layer
from ._bias import layer_inputs as _layer_inputs
from ._gemm import kept_float
from ._prepare import own_biases, prepare
from ._view import decide_for, view_of

__all__ = [
    "OnnxActivations",
    "first_layer",
    "functions_read",
    "layer_inputs",
    "left_in_float",
    "prepare",
    "quantize_onnx",
    "quantize_onnx_with_ranges",
    "results_of_functions",
    "watch_onnx",
]

STORAGE_KEY = "edgequant.weights"
"""Metadata entry that names a 16-bit weight format by which a runtime may choose its arithmetic."""


def quantize_onnx(
    hub: Path,
    output: Path,
    request: QuantizationRequest,
    ranges: Ranges,
    rounding: Rounding | None = None,
) -> dict[str, str]:
    """Write `hub`, a float32 ONNX file, to `output` in the requested scheme, which is not float32 itself.

    Returns why nodes that have an integer form were left in float, by their names.

    `ranges` has (min, max) of every activation, from `watch_onnx`, for the schemes that need calibration.
    `rounding`, of the tensors that `layer_inputs` names, corrects the biases. Raises UnsupportedError.
    """
    with quiet():
        prepared = prepare(hub)
        kept = kept_float(prepared.graph, request)
        fragile, ranges = _decided(prepared, request, ranges, kept)
        if rounding is not None:
            own_biases(prepared.graph)
            grids = Int8Grids(prepared.graph, ranges if request.scheme is Scheme.INT8 else {})
            correct_biases(prepared, rounding, grids.of, kept | set(fragile), per_channel=request.per_channel)
        model = _quantized(prepared, request, ranges, fragile)
    save_onnx(model, output)
    return fragile


def left_in_float(hub: Path, request: QuantizationRequest, ranges: Ranges) -> dict[str, str]:
    """Return what `quantize_onnx` returns, but write nothing."""
    with quiet():
        prepared = prepare(hub)
        return _decided(prepared, request, ranges, kept_float(prepared.graph, request))[0]


def _decided(
    prepared: ModelProto, request: QuantizationRequest, ranges: Ranges, kept: AbstractSet[str]
) -> tuple[dict[str, str], Ranges]:
    if request.scheme is Scheme.INT8 and not request.strict and request.learned is None:
        return decide_for(prepared, ranges, kept)
    return {}, ranges


def watch_onnx(hub: Path) -> ActivationWatch:
    """Return what runs a float32 ONNX file and shows its activations, as `quantize_onnx` will find them."""
    with quiet():
        return OnnxActivations(prepare(hub))


def layer_inputs(hub: Path) -> dict[str, tuple[int, int]]:
    """Return the axis that counts channels, and their number, of every tensor whose means correct biases."""
    with quiet():
        prepared = prepare(hub)
    own_biases(prepared.graph)
    return _layer_inputs(prepared)


def functions_read(hub: Path) -> dict[str, str]:
    """Return the function of each tensor that nothing else reads; see `Evidence`."""
    with quiet():
        return read_through(view_of(prepare(hub))[0])


def results_of_functions(hub: Path) -> dict[str, tuple[str, str]]:
    """Return the argument and the function of each tensor that is a function of one that nothing else reads."""
    with quiet():
        return function_results(view_of(prepare(hub))[0])


def first_layer(hub: Path) -> FirstLayer | None:
    """Return the first layer that has a bias; None if none has."""
    with quiet():
        return _first_layer(prepare(hub))


def quantize_onnx_with_ranges(
    hub: Path, per_channel: bool, ranges: Ranges, kept: Collection[str], floats: Floats
) -> bytes:
    """Return `hub` in int8, with the given (min, max) of every activation; the nodes in `kept` stay in float.

    The names are those of the graph that `prepare` gives. What int8 would destroy stays in float too, unless `floats`
    is NONE. Raises UnsupportedError.
    """
    from ._static import quantize_static
    from ._weights import store_half_weights

    with quiet():
        request = QuantizationRequest(Scheme.INT8, per_channel=per_channel)
        prepared, left = prepare(hub), set(kept)
        if floats is not Floats.NONE:
            fragile, ranges = decide_for(prepared, ranges, left)
            left |= set(fragile)
        model = quantize_static(prepared, request, ranges, left)
    store_half_weights(model, left, np.float16)
    fit_versions(model)
    return bytes(model.SerializeToString())


def _quantized(model: ModelProto, request: QuantizationRequest, ranges: Ranges, fragile: Collection[str]) -> ModelProto:
    from ._dynamic import quantize_dynamic
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
            model = quantize_static(model, request, ranges, kept | set(fragile))
            # What has no integer kernel (LSTM, GRU) computes in float; half the bytes cost it no accuracy.
            store_half_weights(model, kept, np.float16)
        case _:
            if request.scheme is Scheme.DYNAMIC:
                model = quantize_dynamic(model, request, kept)
            elif request.scheme is Scheme.WEIGHT_INT4:
                model = quantize_int4_weights(model, kept)
            store_int8_weights(model, kept, per_channel=request.per_channel)
    return model
