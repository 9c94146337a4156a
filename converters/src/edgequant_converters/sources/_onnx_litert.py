"""From an ONNX graph to a .tflite."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgequant_converters._request import Ranges
from edgequant_converters.ir import Graph, Operator, Tensor, constant, permuted, write_ir, written_names
from edgequant_converters.onnx_import import import_onnx
from edgequant_converters.passes import average_as_in_onnx, names_of, remember_grids, simplify, spread_known

from ._onnx_quantized import Dequantized

_TO_NHWC, _TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)


def write_onnx_as_litert(
    model: onnx.ModelProto,
    example_inputs: Mapping[str, NDArray[Any]],
    permuted_inputs: Sequence[bool],
    path: Path,
    quantized: Dequantized | None = None,
) -> Ranges:
    """Write the graph with the shapes of `example_inputs` (in the graph's layout); marked inputs become NHWC.

    Return what was known of the ranges of a `quantized` model, by the written tensors' names.

    Raises UnsupportedError.
    """
    rounded = frozenset() if quantized is None else quantized.ranges.keys()
    network = import_onnx(model, {name: value.shape for name, value in example_inputs.items()}, rounded)
    for index, permute in enumerate(permuted_inputs):
        if permute:
            _take_channels_last(network.main, index)
    ranges = {} if quantized is None else names_of(spread_known(network, quantized.ranges))
    simplify(network, ranges)
    known = spread_known(network, ranges) if quantized is not None else {}
    if quantized is not None:
        known = average_as_in_onnx(network, known)
        remember_grids(network, quantized.grids)
    network.begin_anew()
    path.write_bytes(write_ir(network))
    names = written_names(network)
    return {names[tensor]: limits for tensor, limits in known.items()}


def _take_channels_last(graph: Graph, index: int) -> None:
    inner = graph.inputs[index]
    given = Tensor(inner.name, permuted(inner.shape, _TO_NHWC), inner.type)
    inner.name = f"{inner.name}/channels_first"
    graph.inputs[index] = given
    graph.operators.insert(0, Operator("TRANSPOSE", [given, constant("order", _TO_NCHW, np.int32)], [inner]))
