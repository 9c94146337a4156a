"""One read-only view of a model over both file formats: tensors, ops, and what they cost."""

from ._demands import Demands, Operator, read_demands
from ._float_ops import float_ops
from ._model import ModelGraph, Op, Tensor
from ._read import MODEL_SUFFIXES, read_graph

__all__ = [
    "MODEL_SUFFIXES",
    "Demands",
    "ModelGraph",
    "Op",
    "Operator",
    "Tensor",
    "float_ops",
    "read_demands",
    "read_graph",
]
