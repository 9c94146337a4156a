"""From an ONNX graph to the graph with LiteRT's operators: a table of lowerings, one for each ONNX operator."""

from ._importer import import_onnx
from ._registry import LOWERINGS
from ._single import lower_operator

__all__ = ["LOWERINGS", "import_onnx", "lower_operator"]
