"""The values of nodes that depend on nothing but constants, by ONNX's own reference implementation."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

_NEVER_CONSTANT = frozenset({
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout",
})  # fmt: skip


def folded(
    node: onnx.NodeProto, constants: Mapping[str, NDArray[Any]], opsets: Sequence[onnx.OperatorSetIdProto]
) -> list[NDArray[Any]] | None:
    """Return a node's outputs if all that it reads is in `constants` and onnx can compute it, else None."""
    if node.op_type in _NEVER_CONSTANT or any(name and name not in constants for name in node.input):
        return None
    if any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute):
        return None
    given = [name for name in dict.fromkeys(node.input) if name]
    value = onnx.helper.make_empty_tensor_value_info
    graph = onnx.helper.make_graph([node], "node", [value(n) for n in given], [value(n) for n in node.output if n])
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    try:
        results = ReferenceEvaluator(model).run(None, {name: constants[name] for name in given})
    except Exception:  # whatever onnx's implementations raise for what they do not know: then it is lowered
        return None
    assert isinstance(results, list)
    return results
