"""One ONNX operator by itself, for networks that come from elsewhere and have a layer with ONNX's meaning."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from edgequant_converters.ir import Builder, Graph, Model, Tensor

from ._node import Node
from ._registry import LOWERINGS

_OPSET = 22


def lower_operator(
    op_type: str, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any], build: Builder, model: Model
) -> Tensor:
    """Append what an operator without graphs in its attributes becomes, its loops' graphs to the model.

    Returns the first output, the only one that is asked for. Raises RefusedNodeError.
    """

    def add_graph(graph: Graph) -> int:
        model.graphs.append(graph)
        return len(model.graphs) - 1

    node = Node(op_type, build.scope, _OPSET, list(inputs), [build.scope], dict(attributes), _no_body, add_graph)
    made = LOWERINGS[op_type](node, build)
    output = made if isinstance(made, Tensor) else made[0]
    assert output is not None
    return output


def _no_body(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("an operator without graphs in its attributes")
