"""A dense layer behind flattened images: its columns take the images' own order, and the transposition goes."""

import numpy as np

from edgequant_converters.ir import Graph, Operator, Tensor, constant

from ._orders import order_of

_BETWEEN = frozenset({
    "ABS", "ELU", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_N1_TO_1", "SQRT",
    "SQUARE", "TANH",
})  # fmt: skip
"""What may stand between the flattening and the layer: one input, each value on its own."""


def absorb_flattenings(graph: Graph) -> None:
    """Rewrite TRANSPOSE, RESHAPE (to rows), dense layers: the rows keep the order that the values have before it."""
    producers, users = graph.producers(), graph.users()
    for reshape in graph.operators:
        if reshape.code != "RESHAPE":
            continue
        images, rows = reshape.given[0], reshape.output
        transpose = producers.get(images)
        order = None if transpose is None else order_of(transpose)
        if transpose is None or order is None or order[0] != 0 or rows.shape != _rows_of(images):
            continue
        layers = _layers_behind(rows, users, set(graph.outputs))
        if layers:
            reshape.inputs[0] = transpose.given[0]
            for layer in layers:
                layer.inputs[1] = _permuted_columns(layer.given[1], images, order)


def _layers_behind(rows: Tensor, users: dict[Tensor, list[Operator]], outputs: set[Tensor]) -> list[Operator] | None:
    """Return the dense layers that are all that reads the rows, past elementwise operators; None: more reads them."""
    if rows in outputs:
        return None
    layers: list[Operator] = []
    for user in users.get(rows, []):
        if user.code == "FULLY_CONNECTED" and user.given[0] is rows and user.given[1].is_constant:
            layers.append(user)
        elif user.code in _BETWEEN and (behind := _layers_behind(user.output, users, outputs)) is not None:
            layers += behind
        else:
            return None
    return layers


def _rows_of(images: Tensor) -> tuple[int, int]:
    return images.shape[0], images.size // max(1, images.shape[0])


def _permuted_columns(weights: Tensor, images: Tensor, order: tuple[int, ...]) -> Tensor:
    """Return the weights for columns in the order before the transposition; `images` come after it."""
    before = np.argsort(order)
    columns = np.arange(weights.shape[1]).reshape(images.shape[1:]).transpose([axis - 1 for axis in before[1:]])
    return constant(weights.name, weights.values[:, columns.reshape(-1)])
