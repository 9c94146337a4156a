"""Arithmetic that the layer before can do in passing: factors, addends, activations."""

from collections.abc import Set as AbstractSet
from math import prod

import numpy as np

from edgequant_converters.ir import Graph, Operator, Tensor, constant

_ACTIVATIONS = {"RELU": "RELU", "RELU6": "RELU6", "RELU_N1_TO_1": "RELU_N1_TO_1"}
TAKE_ACTIVATIONS = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D", "ADD", "SUB", "MUL", "DIV",
    "AVERAGE_POOL_2D", "MAX_POOL_2D",
})  # fmt: skip
OUTPUT_AXIS = {"CONV_2D": 0, "CONV_3D": 4, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
"""The layers that take factors and addends, and the axis of their weights that is the output channel."""
_BIAS = {"TRANSPOSE_CONV": 3}  # the bias's place among the inputs; 2 in all others
_MOVES = frozenset({"SLICE", "RESHAPE"})
"""What may stand between, where it leaves the channels: a transposed convolution is cut, a 1-D layer reshaped."""


def fuse(graph: Graph, known: AbstractSet[Tensor] = frozenset()) -> None:
    """Move what follows a layer, and nothing else reads, into the layer, in place; in the order of the operators.

    Of `known` tensors the range is known. A layer that makes one does not make another instead whose range is not: it
    could not compute in integers any more.
    """
    producers, users = graph.producers(), graph.users()
    kept: list[Operator] = []
    for operator in graph.operators:
        nearest = layer = None
        if not _loses_range(operator, known):
            nearest = layer = _only_reader_of(operator, graph, producers, users)
        while layer is not None and layer.code in _MOVES:
            layer = _only_reader_of(layer, graph, producers, users)
        if (
            layer is not None
            and nearest is not None
            and (_take_activation(layer, operator) or _take_arithmetic(layer, operator))
        ):
            producers[operator.output] = nearest
            nearest.outputs[0] = operator.output
        else:
            kept.append(operator)
    graph.operators = kept


def _loses_range(operator: Operator, known: AbstractSet[Tensor]) -> bool:
    return any(x in known for x in operator.given) and not any(made in known for made in operator.outputs)


def _only_reader_of(
    operator: Operator, graph: Graph, producers: dict[Tensor, Operator], users: dict[Tensor, list[Operator]]
) -> Operator | None:
    """Return the operator that makes this one's only input that is not a constant, if nothing else reads that."""
    computed = [x for x in operator.given if not x.is_constant]
    if len(computed) != 1 or len(operator.outputs) != 1 or computed[0] in graph.outputs:
        return None
    before = producers.get(computed[0])
    if before is None or users[computed[0]] != [operator] or len(before.outputs) != 1:
        return None
    return before if before.options.get("fusedActivationFunction", "NONE") == "NONE" else None


def _take_activation(before: Operator, operator: Operator) -> bool:
    activation = _ACTIVATIONS.get(operator.code)
    if activation is None or before.code not in TAKE_ACTIVATIONS or operator.output.type != "FLOAT32":
        return False
    before.options["fusedActivationFunction"] = activation
    return True


def _take_arithmetic(before: Operator, operator: Operator) -> bool:
    """Let a layer's weights and bias take a constant for each output channel, or one for all."""
    axis, last = OUTPUT_AXIS.get(before.code), _BIAS.get(before.code, 2)
    if axis is None or operator.code not in ("ADD", "SUB", "MUL", "DIV") or len(operator.given) != 2:
        return False
    x, factor = operator.given
    weights, bias = before.input(1), before.input(last)
    if weights is None or not weights.is_constant or (bias is not None and not bias.is_constant):
        return False
    if x.is_constant:
        if operator.code in ("SUB", "DIV"):
            return False
        x, factor = factor, x
    channels = weights.shape[axis]
    if prod(factor.shape) not in (1, channels) or prod(factor.shape) != prod(factor.shape[-1:]):
        return False
    if before.output.shape[-1] != channels or x.shape[-1:] != (channels,) or operator.output.shape != x.shape:
        return False
    values = np.broadcast_to(factor.values.reshape(-1), (channels,)).astype(np.float32)
    old = np.zeros(channels, np.float32) if bias is None else bias.values
    name = operator.output.name if bias is None else bias.name
    if operator.code in ("ADD", "SUB"):
        new = old + values if operator.code == "ADD" else old - values
    else:
        scale = values if operator.code == "MUL" else 1 / values
        new = old * scale
        shape = [channels if place == axis else 1 for place in range(weights.rank)]
        before.inputs[1] = constant(weights.name, (weights.values * scale.reshape(shape)).astype(np.float32))
    before.inputs[last:] = [constant(name, new.astype(np.float32))]
    before.options["fusedActivationFunction"] = operator.options.get("fusedActivationFunction", "NONE")
    return True
