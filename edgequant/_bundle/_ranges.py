"""The lowest and highest value of each input of a model, from which its extreme inputs are made."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph, Tensor

FLOAT_RANGE = (-4.0, 4.0)
"""Where nothing tells an input's range: four standard deviations of normalised data."""

_QUANTIZES = ("QUANTIZE", "QuantizeLinear")
_MOVES = ("TRANSPOSE", "Transpose", "RESHAPE", "Reshape")


def input_ranges(
    model: Path, infos: Sequence[TensorInfo], samples: Iterable[Mapping[str, NDArray[Any]]]
) -> dict[str, tuple[float, float]]:
    """Return (lowest, highest) for each input in the model's own type.

    A quantized input has its type's whole range. A float input has that of the integers that the model makes of it
    first, or else that of the samples, or FLOAT_RANGE. Booleans go from 0 to 1; other integers stay 0, since they may
    be indices.
    """
    from edgequant_converters.graph import read_graph

    graph, samples = read_graph(model), list(samples)
    return {info.name: _range(info, graph, [sample[info.name] for sample in samples]) for info in infos}


def _range(info: TensorInfo, graph: "ModelGraph", values: Sequence[NDArray[Any]]) -> tuple[float, float]:
    if info.is_quantized:
        limits = np.iinfo(info.dtype)
        return limits.min, limits.max
    if info.dtype.kind != "f":
        return (0, 1) if info.dtype.kind == "b" else (0, 0)
    if quantized := _quantized_form(info.name, graph):
        limits, (scale, *_), zero_point = np.iinfo(quantized.dtype), quantized.scales, (*quantized.zero_points, 0)[0]
        return (limits.min - zero_point) * scale, (limits.max - zero_point) * scale
    if values:
        return min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return FLOAT_RANGE


def _quantized_form(name: str, graph: "ModelGraph") -> "Tensor | None":
    """Return the integer tensor that the first operators make of a float input."""
    index = next((i for i in graph.inputs if graph.tensors[i].name == name), None)
    for op in graph.ops:
        if op.type in _MOVES and op.inputs[0] == index:
            index = op.outputs[0]
        if op.type in _QUANTIZES and op.inputs[0] == index:
            tensor = graph.tensors[op.outputs[0]]
            if len(tensor.scales) == 1 and tensor.dtype in ("int8", "uint8", "int16", "uint16"):
                return tensor
    return None
