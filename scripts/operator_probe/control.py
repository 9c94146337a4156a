"""Cases of operators that run graphs, and of sparse constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from single_op import Model

from .case import IN, OUT, Case, Maker, One

SHAPE = (4, 6)


def branch(m: One, name: str) -> None:
    """Another graph: one operator of two values."""
    graph = m.model.subgraph()
    a, b = (graph.input(SHAPE, m.kind, m.quantized(m.kind, OUT)) for _ in range(2))
    y = graph.tensor(SHAPE, m.kind, m.quantized(m.kind, OUT))
    graph.operator(name, [a, b], [y], "MaximumMinimumOptions", version=4)
    graph.outputs([y])


def pair(m: One) -> list[int]:
    return [m.x(SHAPE, same=True), m.x(SHAPE, same=True)]


def if_(m: One) -> Case:
    condition, values = m.given([True], "BOOL"), pair(m)
    for name in ("MAXIMUM", "MINIMUM"):
        branch(m, name)
    return m.case([condition, *values], m.y(SHAPE), "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)


def counted(m: One, graph: Model) -> list[int]:
    return [graph.input((1,), "INT32"), *(graph.input(SHAPE, m.kind, m.quantized(m.kind, OUT)) for _ in range(2))]


def while_(m: One) -> Case:
    """Three rounds of (a, b) = (max(a, b), b)."""
    count, values = m.given([0]), pair(m)
    condition, body = m.model.subgraph(), m.model.subgraph()
    inputs = counted(m, condition)
    less = condition.tensor((1,), "BOOL")
    condition.operator("LESS", [inputs[0], condition.constant([3], "INT32")], [less], "LessOptions")
    condition.outputs([less])
    inputs = counted(m, body)
    more, largest = body.tensor((1,), "INT32"), body.tensor(SHAPE, m.kind, m.quantized(m.kind, OUT))
    body.operator("ADD", [inputs[0], body.constant([1], "INT32")], [more], "AddOptions")
    body.operator("MAXIMUM", inputs[1:], [largest], "MaximumMinimumOptions", version=4)
    body.outputs([more, largest, inputs[2]])
    outputs = [m.y((1,), "INT32"), m.y(SHAPE), m.y(SHAPE)]
    return m.case([count, *values], outputs, "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)


def composite(m: One) -> Case:
    values = pair(m)
    branch(m, "MAXIMUM")
    attributes = np.frombuffer(bytes(flexbuffers.Dumps({})), np.uint8)
    fields: dict[str, Any] = {"name": "made.up", "decompositionSubgraphIndex": 1, "compositeAttributes": attributes}
    return m.case(values, m.y(SHAPE), "StableHLOCompositeOptions", **fields)


def densify(m: One) -> Case:
    """A sparse constant added to an input: alone LiteRT would fold it away, and have no output."""
    x = m.x((2, 3))
    sparse = m.c([7, 8, 9], m.kind)
    table = m.model._tensors[sparse]
    table.shape = np.array([2, 3], np.int32)
    lists = [schema.Int32VectorT(values=np.array(values, np.int32)) for values in ([0, 1, 3], [0, 1, 2])]
    levels = [
        schema.DimensionMetadataT(format=0, denseSize=2),
        schema.DimensionMetadataT(
            format=1, arraySegmentsType=1, arraySegments=lists[0], arrayIndicesType=1, arrayIndices=lists[1]
        ),
    ]
    table.sparsity = schema.SparsityParametersT(
        traversalOrder=np.array([0, 1], np.int32), blockMap=np.array([], np.int32), dimMetadata=levels
    )
    dense, y = m.y((2, 3)), m.y((2, 3), q=m.quantized(m.kind, IN))
    m.model.operator("DENSIFY", [sparse], [dense], "DensifyOptions")
    m.name = "ADD"
    return m.case([x, dense], y, "AddOptions")


CASES: dict[str, Maker] = {
    "IF": if_,
    "WHILE": while_,
    "STABLEHLO_COMPOSITE": composite,
    "DENSIFY": densify,
}
