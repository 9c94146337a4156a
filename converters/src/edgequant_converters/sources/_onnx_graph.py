"""An .onnx file as a graph of LiteRT's operators, to look at: the one that a conversion of it starts from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters.ir import Graph
from edgequant_converters.onnx_import import import_onnx

from ._onnx_file import graph_inputs, load_onnx
from ._onnx_quantized import DEQUANTIZABLE, dequantized
from ._onnx_short_floats import has_short_floats, widen_short_floats
from ._onnx_versions import is_too_new, lowered


def read_onnx_graph(path: Path, shapes: Mapping[str, Sequence[int]]) -> Graph | None:
    """Return the graph of a float or quantized file for inputs of these shapes, by name.

    None: it holds what LiteRT has no operators for, or an input has no shape here.
    """
    try:
        model = load_onnx(path)
        if is_too_new(model):
            model = lowered(model, path.name)
        is_short = has_short_floats(model)
        if is_short or any(node.op_type in DEQUANTIZABLE for node in model.graph.node):
            model = dequantized(model, path.name).model
        if is_short:
            widen_short_floats(model)
        if not all(value.name in shapes for value in graph_inputs(model)):
            return None
        return import_onnx(model, shapes).main
    except (SourceError, UnsupportedError):
        return None
