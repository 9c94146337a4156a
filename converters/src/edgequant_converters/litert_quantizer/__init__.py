"""From a float32 .tflite to every other number format, by ai-edge-quantizer."""

import re
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason
from edgequant_converters._request import ActivationWatch, QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.tflite import ModelT, model_bytes, read_model

from ._activations import LitertActivations
from ._recipes import IO_TYPES, io_type, recipe_for
from ._wide_biases import restore_wide_biases

__all__ = ["IO_TYPES", "io_type", "quantize_litert", "watch_litert"]


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
    statistics = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in ranges.items()}
    quantized = _quantize(model_bytes(model), recipe, statistics or None)
    if request.scheme is Scheme.INT16X8:
        widened = read_model(quantized)
        restore_wide_biases(widened, model)
        quantized = model_bytes(widened)
    output.write_bytes(quantized)


def watch_litert(hub: Path) -> ActivationWatch:
    """Return what runs a float32 .tflite and shows its activations."""
    model = read_model(hub)
    return LitertActivations(model, model_bytes(model))


def _quantize(data: bytes, recipe: list[dict[str, Any]], statistics: dict[str, Any] | None) -> bytes:
    from ai_edge_quantizer.quantizer import Quantizer

    try:
        # Its progress bar cannot be turned off; it goes to whatever sys.stderr is.
        with redirect_stderr(StringIO()), quiet():
            quantizer = Quantizer(data, recipe)
            result = quantizer.quantize(statistics, enable_progress_report=False, enable_progress_bar=False)
    except (ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise UnsupportedError(
            f"This network cannot be quantized so: {reason(error)}. Try dynamic, or --keep-float for that operator."
        ) from error
    return bytes(result.quantized_model)


def _kept_float(model: ModelT, request: QuantizationRequest) -> list[str]:
    """Return an exact regular expression for each operator that `keep_float` matches."""
    from ai_edge_litert.tools.flatbuffer_utils import opcode_to_name
    from ai_edge_quantizer.utils.tfl_flatbuffer_utils import get_op_scope

    graph = model.subgraphs[0]
    scopes = [(opcode_to_name(model, op.opcodeIndex), get_op_scope(op, graph.tensors)) for op in graph.operators]
    return [f"^{re.escape(scope)}$" for op_type, scope in scopes if request.keeps_float(op_type, scope)]
