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
    """Rewrite TRANSPOSE, RESHAPE (to rows), dense layer: the rows keep the order that the values have before it."""
    producers, users = graph.producers(), graph.users()
    for layer in graph.operators:
        if layer.code != "FULLY_CONNECTED" or not layer.given[1].is_constant:
            continue
        rows = layer.given[0]
        while (made := producers.get(rows)) is not None and made.code in _BETWEEN and _is_read_once(rows, users):
            rows = made.given[0]
        reshape = producers.get(rows)
        if reshape is None or reshape.code != "RESHAPE" or not _is_read_once(rows, users) or rows in graph.outputs:
            continue
        transpose = producers.get(reshape.given[0])
        order = None if transpose is None else order_of(transpose)
        if transpose is not None and order is not None and order[0] == 0 and rows.shape == _rows_of(reshape.given[0]):
            layer.inputs[1] = _permuted_columns(layer.given[1], reshape.given[0], order)
            reshape.inputs[0] = transpose.given[0]


def _is_read_once(x: Tensor, users: dict[Tensor, list[Operator]]) -> bool:
    return len(users.get(x, [])) == 1


def _rows_of(images: Tensor) -> tuple[int, int]:
    return images.shape[0], images.size // max(1, images.shape[0])


def _permuted_columns(weights: Tensor, images: Tensor, order: tuple[int, ...]) -> Tensor:
    """Return the weights for columns in the order before the transposition; `images` come after it."""
    before = np.argsort(order)
    columns = np.arange(weights.shape[1]).reshape(images.shape[1:]).transpose([axis - 1 for axis in before[1:]])
    return constant(weights.name, weights.values[:, columns.reshape(-1)])
