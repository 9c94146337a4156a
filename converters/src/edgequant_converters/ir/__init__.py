"""The graph that every network becomes: operators with LiteRT's meaning, on tensors that know their values."""

from ._build import Builder
from ._drafts import Drafts
from ._model import Graph, Model, Operator, Quantization, Shape, Tensor, constant
from ._read import read_ir
from ._shapes import broadcast_shapes, normal_axes, permuted, reduced, window_size
from ._types import NUMPY_TYPES, type_of
from ._write import write_ir, written_names

__all__ = [
    "NUMPY_TYPES",
    "Builder",
    "Drafts",
    "Graph",
    "Model",
    "Operator",
    "Quantization",
    "Shape",
    "Tensor",
    "broadcast_shapes",
    "constant",
    "normal_axes",
    "permuted",
    "read_ir",
    "reduced",
    "type_of",
    "window_size",
    "write_ir",
    "written_names",
]
