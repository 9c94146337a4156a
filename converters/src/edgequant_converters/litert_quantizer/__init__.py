"""From a float32 .tflite to every other number format, by ai-edge-quantizer."""

import re
from collections.abc import Collection, Mapping
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from edgequant_converters._quiet import quiet
from edgequant_converters._request import ActivationWatch, QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.tflite import ModelT, keep_io_names, model_bytes, read_model

from ._activations import LitertActivations
from ._learned import int4_layers, without_range
from ._recipes import IO_TYPES, io_type, learned_rules, mixed_rules, recipe_for
from ._refusals import quantizer_refusal
from ._wide_biases import restore_wide_biases

__all__ = ["IO_TYPES", "LitertActivations", "io_type", "quantize_litert", "quantize_with_ranges", "watch_litert"]


def quantize_litert(hub: Path, output: Path, request: QuantizationRequest, io: str, ranges: Ranges) -> None:
    """Write `hub`, a normalised float32 .tflite, to `output` in the requested scheme.

    `io` is one of IO_TYPES, as `io_type` gives it. `ranges` has (min, max) of every activation, from `watch_litert`,
    for the schemes that need calibration. Raises UnsupportedError.
    """
    if request.scheme is Scheme.FP32:
        output.write_bytes(hub.read_bytes())
        return
    model = read_model(hub)
    recipe = recipe_for(request, io, _kept_float(model, request))
    if request.learned is not None:
        narrow = int4_layers(model) if request.learned.weight_bits == 4 else []
        recipe = learned_rules(recipe, narrow, without_range(model, set(ranges)))
    quantized = _quantize(model, recipe, ranges)
    output.write_bytes(_put_right(quantized, model, wide=request.scheme is Scheme.INT16X8))


def quantize_with_ranges(
    model: ModelT, io: str, per_channel: bool, ranges: Ranges, precision: Mapping[str, str]
) -> bytes:
    """Return a float `model` in int8, with the given (min, max) of every activation by its tensor's name.

    `precision` says "int16x8" or "float32" for operators, named by an output tensor, that are not to be int8. `io` is
    the type of inputs and outputs, one of int8, uint8, float. Raises UnsupportedError.
    """
    wide = _scopes(model, [name for name, kind in precision.items() if kind == "int16x8"])
    kept = _scopes(model, [name for name, kind in precision.items() if kind == "float32"])
    quantized = _quantize(model, mixed_rules(io, per_channel, wide, kept), ranges)
    return _put_right(quantized, model, wide=bool(wide))


def _put_right(quantized: bytes, original: ModelT, *, wide: bool) -> bytes:
    """Return the model with its names and, if some layers have int16 activations, its biases as they should be."""
    model = read_model(quantized)
    renamed = keep_io_names(model, original)
    if wide:
        restore_wide_biases(model, original)
    return model_bytes(model) if renamed or wide else quantized


def watch_litert(hub: Path) -> ActivationWatch:
    """Return what runs a float32 .tflite and shows its activations."""
    model = read_model(hub)
    return LitertActivations(model, model_bytes(model))


def _quantize(model: ModelT, recipe: list[dict[str, Any]], ranges: Ranges) -> bytes:
    from ai_edge_quantizer.quantizer import Quantizer

    class WithoutEngine(Quantizer):  # type: ignore[misc]  # it ships no type information
        def _ensure_model_qsv_sufficient(self, calibration_result: Any) -> None:
            """Open no LiteRT in this process to look for empty statistics: none of ours is."""

    statistics = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in ranges.items()}
    try:
        # Its progress bar cannot be turned off; it goes to whatever sys.stderr is.
        with redirect_stderr(StringIO()), quiet():
            quantizer = WithoutEngine(model_bytes(model), recipe)
            result = quantizer.quantize(statistics or None, enable_progress_report=False, enable_progress_bar=False)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise quantizer_refusal(error, model) from error
    return bytes(result.quantized_model)


def _scopes(model: ModelT, outputs: Collection[str]) -> list[str]:
    """Return an exact regular expression for each operator with one of these output tensors."""
    from ai_edge_quantizer.utils.tfl_flatbuffer_utils import get_op_scope

    graph = model.subgraphs[0]
    named = [op for op in graph.operators if any(graph.tensors[i].name.decode() in outputs for i in op.outputs)]
    return [f"^{re.escape(get_op_scope(op, graph.tensors))}$" for op in named]


def _kept_float(model: ModelT, request: QuantizationRequest) -> list[str]:
    """Return an exact regular expression for each operator that `keep_float` matches."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name
    from ai_edge_quantizer.utils.tfl_flatbuffer_utils import get_op_scope

    graph = model.subgraphs[0]
    scopes = [(opcode_to_name(model, op.opcodeIndex), get_op_scope(op, graph.tensors)) for op in graph.operators]
    return [f"^{re.escape(scope)}$" for op_type, scope in scopes if request.keeps_float(op_type, scope)]
