"""Rewriting the graph: each pass keeps what it computes, and makes it fewer or cheaper operators.

1. A chain of reshapes and transpositions becomes one transposition between two reshapes (`_chains`).
2. Transpositions are carried past what computes alike in any order of the axes, and cancel (`_transposes`).
3. Padding comes right before the layer that it is for (`_padding`).
4. Transpositions before a flattening go into the columns of the dense layer behind it (`_flatten`).
5. What is computed twice is computed once (`_doubles`); a reshaping of a reshaping is one (`_reshapes`).
6. Factors and addends go into the weights and biases of the layer before, activations into its options (`_fusions`).
7. What nobody reads is dropped.
"""

from collections.abc import Mapping

from edgequant_converters.ir import Graph, Model

from ._averages import average_as_in_onnx
from ._chains import join_chains
from ._doubles import share_doubles
from ._flatten import absorb_flattenings
from ._fusions import fuse
from ._known_ranges import name_of_value, names_of, remember_grids, spread_known
from ._orders import Order, inverse, is_identity
from ._padding import pad_after_transposing
from ._reshapes import merge_reshapes
from ._transposes import carry_transposes
from ._widen import KnownRanges, real_values, widen

__all__ = [
    "KnownRanges",
    "Order",
    "average_as_in_onnx",
    "inverse",
    "is_identity",
    "names_of",
    "real_values",
    "remember_grids",
    "simplify",
    "spread_known",
    "widen",
]


def simplify(model: Model, ranges: Mapping[str, tuple[float, float]] | None = None) -> None:
    """Run all passes over every graph of a float model, in place.

    `ranges` are those of a quantized source, by the tensors' names: what they are known of stays a tensor where that
    which it would become has none.
    """
    for graph in model.graphs:
        _simplify(graph, ranges or {})


def _simplify(graph: Graph, ranges: Mapping[str, tuple[float, float]]) -> None:
    graph.drop_unused()
    join_chains(graph)
    carry_transposes(graph)
    pad_after_transposing(graph)
    absorb_flattenings(graph)
    merge_reshapes(graph)
    share_doubles(graph)
    fuse(graph, frozenset(tensor for tensor in graph.tensors() if name_of_value(tensor) in ranges))
    graph.drop_unused()
