"""The values of nodes that depend on nothing but constants, by ONNX's own reference implementation."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from ._node import RefusedNodeError

_NEVER_CONSTANT = frozenset({
    "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout",
    "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SplitToSequence",
})  # fmt: skip


def folded(
    node: onnx.NodeProto, constants: Mapping[str, NDArray[Any]], opsets: Sequence[onnx.OperatorSetIdProto]
) -> list[NDArray[Any]] | None:
    """Return a node's outputs if all that it reads is in `constants` and onnx can compute it, else None."""
    if node.op_type in _NEVER_CONSTANT or any(name and name not in constants for name in node.input):
        return None
    if any(attribute.type == onnx.AttributeProto.GRAPH for attribute in node.attribute):
        return None
    _refuse_huge(node, [constants[name] for name in node.input if name])
    given = [name for name in dict.fromkeys(node.input) if name]
    value = onnx.helper.make_empty_tensor_value_info
    graph = onnx.helper.make_graph([node], "node", [value(n) for n in given], [value(n) for n in node.output if n])
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    try:
        with np.errstate(all="ignore"):  # 0 / 0 where a Where takes something else is no news to the user
            results = ReferenceEvaluator(model).run(None, {name: constants[name] for name in given})
    except Exception:  # whatever onnx's implementations raise for what they do not know: then it is lowered
        return None
    assert isinstance(results, list)
    return results


def _refuse_huge(node: onnx.NodeProto, values: Sequence[NDArray[Any]]) -> None:
    """Refuse to compute what a few numbers in a file can make larger than any memory."""
    grow = _SIZES.get(node.op_type)
    try:
        size = grow(*values) if grow is not None else 0
    except (
        TypeError,
        ValueError,
        ZeroDivisionError,
        OverflowError,
        IndexError,
    ):  # inputs that onnx will not take either
        return
    if size > _LARGEST:
        name = node.name or next((name for name in node.output if name), "")
        raise RefusedNodeError(f"{node.op_type} '{name}': a constant of {size} elements")


def _padded_size(x: NDArray[Any], pads: NDArray[Any], *rest: NDArray[Any]) -> int:
    axes = range(x.ndim) if pads.size == 2 * x.ndim else rest[-1].tolist()
    shape = list(x.shape)
    for axis, added in zip(axes, pads.reshape(2, -1).sum(0).tolist(), strict=True):
        shape[axis] += added
    return prod(shape)


_LARGEST = 1 << 28
_SIZES: dict[str, Callable[..., int]] = {
    "ConstantOfShape": lambda shape: prod(shape.tolist()),
    "Expand": lambda x, shape: x.size * prod(shape.tolist()),
    "OneHot": lambda indices, depth, values: indices.size * int(depth.item()),
    "Pad": _padded_size,
    "Range": lambda start, limit, delta: int((limit.item() - start.item()) / delta.item()),
    "Tile": lambda x, repeats: x.size * prod(repeats.tolist()),
}
"""How many elements an operator's output has at most, from the values of its inputs."""
