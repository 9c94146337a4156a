"""How an operator is computed on inputs whose axes stand in another order: one rule for each kind of operator.

A rule is given the operator and the order in which its main input is a view of another tensor: axis i of the input is
axis order[i] of that tensor, and axis j of that tensor axis back[j] of the input. It says which inputs to take in the
tensor's own order, which constants and options change, and in which order each output is then a view of what is
computed; or None, if the operator needs the axes as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np

from edgequant_converters.ir import Operator, Tensor, constant

from ._orders import Order, axes_of, is_identity


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of an operator."""

    turned: Sequence[int]
    orders: Sequence[Order]
    replaced: dict[int, Tensor] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


Rule: TypeAlias = Callable[[Operator, Order, Order], Carried | None]

_ELEMENTWISE = (
    "ABS", "ADD", "ADD_N", "ATAN2", "BITWISE_XOR", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EQUAL",
    "EXP", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GELU", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU", "LESS",
    "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAXIMUM", "MINIMUM", "MUL", "NEG",
    "NOT_EQUAL", "POW", "QUANTIZE", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1", "RIGHT_SHIFT", "ROUND", "RSQRT",
    "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE", "SUB", "TANH", "ZEROS_LIKE",
)  # fmt: skip
_REDUCTIONS = ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL")


def _elementwise(operator: Operator, order: Order, back: Order) -> Carried | None:
    if operator.output.rank != len(order):
        return None
    return Carried(range(len(operator.inputs)), [order])


def _prelu(operator: Operator, order: Order, back: Order) -> Carried | None:
    slopes = operator.given[1]
    if order[0] != 0 or not slopes.is_constant:
        return None
    full = slopes.values.reshape((1,) * (len(order) - slopes.rank) + slopes.shape)
    turned = full.transpose(back)
    return Carried([0], [order], {1: constant(slopes.name, turned.reshape(turned.shape[1:]))})


def _along_axis(operator: Operator, order: Order, back: Order) -> Carried | None:
    axis = int(operator.options.get("axis", 0)) % len(order)
    return Carried(range(len(operator.inputs)), [order], options={"axis": order[axis]})


def _gather(operator: Operator, order: Order, back: Order) -> Carried | None:
    indices = operator.given[1]
    if not indices.is_constant or operator.options.get("batchDims", 0) or operator.given[0].rank != len(order):
        return None
    axis = int(operator.options.get("axis", 0)) % len(order)
    if indices.rank == 1:
        return Carried([0], [order], options={"axis": order[axis]})
    return Carried([0], [_without(order, [axis])], options={"axis": order[axis]}) if indices.rank == 0 else None


def _pad(operator: Operator, order: Order, back: Order) -> Carried | None:
    return _by_axis(operator, order, back, (1,))


def _slice(operator: Operator, order: Order, back: Order) -> Carried | None:
    return _by_axis(operator, order, back, (1, 2))


def _tile(operator: Operator, order: Order, back: Order) -> Carried | None:
    return _by_axis(operator, order, back, (1,))


def _broadcast_to(operator: Operator, order: Order, back: Order) -> Carried | None:
    return _by_axis(operator, order, back, (1,)) if operator.output.rank == len(order) else None


def _strided_slice(operator: Operator, order: Order, back: Order) -> Carried | None:
    masks = {name: int(operator.options.get(name, 0)) for name in ("beginMask", "endMask")}
    if any(operator.options.get(name, 0) for name in ("ellipsisMask", "newAxisMask", "shrinkAxisMask")):
        return None
    carried = _by_axis(operator, order, back, (1, 2, 3))
    if carried is not None:
        carried.options.update({name: _permuted_bits(mask, back) for name, mask in masks.items()})
    return carried


def _by_axis(operator: Operator, order: Order, back: Order, listed: Sequence[int]) -> Carried | None:
    """Reorder the inputs that have an entry for each axis; they must be constants."""
    replaced = {}
    for index in listed:
        numbers = operator.inputs[index]
        if numbers is None or not numbers.is_constant or numbers.shape[0] != len(order):
            return None
        replaced[index] = constant(numbers.name, numbers.values[list(back)])
    return Carried([0], [order], replaced)


def _reduction(operator: Operator, order: Order, back: Order) -> Carried | None:
    axes = axes_of(operator.input(1), len(order))
    if axes is None:
        return None
    replaced = {1: constant("axes", np.array(sorted(order[axis] for axis in axes), np.int32))}
    return Carried([0], [order if operator.options.get("keepDims") else _without(order, axes)], replaced)


def _arg_extreme(operator: Operator, order: Order, back: Order) -> Carried | None:
    axes = axes_of(operator.input(1), len(order))
    if axes is None:
        return None
    replaced = {1: constant("axis", np.array(order[axes[0]], np.int32).reshape(operator.given[1].shape))}
    return Carried([0], [_without(order, axes)], replaced)


def _last_axis(operator: Operator, order: Order, back: Order) -> Carried | None:
    """Carry past what works along the last axis, if that is the last one in either order."""
    return Carried([0], [order]) if order[-1] == len(order) - 1 else None


def _fully_connected(operator: Operator, order: Order, back: Order) -> Carried | None:
    keeps = operator.options.get("keepNumDims") and operator.output.rank == len(order)
    return Carried([0], [order]) if keeps and order[-1] == len(order) - 1 and operator.given[1].is_constant else None


def _cumsum(operator: Operator, order: Order, back: Order) -> Carried | None:
    axes = axes_of(operator.input(1), len(order))
    if axes is None:
        return None
    return Carried([0], [order], {1: constant("axis", np.array(order[axes[0]], np.int32))})


def _split(operator: Operator, order: Order, back: Order) -> Carried | None:
    index = 0 if operator.code == "SPLIT" else 2
    axes = axes_of(operator.input(index), len(order))
    if axes is None:
        return None
    shape = operator.given[index].shape
    replaced = {index: constant("axis", np.array([order[axes[0]]], np.int32).reshape(shape))}
    return Carried([1 if operator.code == "SPLIT" else 0], [order] * len(operator.outputs), replaced)


def _reshape(operator: Operator, order: Order, back: Order) -> Carried | None:
    """Carry past a reshaping that splits, joins or drops axes that stand beside each other in both orders."""
    x, output = operator.given[0], operator.output
    if x.size < 0 or output.size <= 0:
        return None
    blocks = _blocks(x.shape, output.shape)
    sources = [[order[axis] for axis in axes] for axes, _ in blocks]
    if any(list(range(axes[0], axes[0] + len(axes))) != axes for axes in sources if axes):
        return None
    ranked = sorted(range(len(blocks)), key=lambda block: (sources[block] or [-1])[0])
    places = [axis for block in ranked for axis in blocks[block][1]]
    shape = [output.shape[axis] for axis in places]
    new_order = tuple(places.index(axis) for axis in range(output.rank))
    return Carried([0], [new_order], {1: constant("shape", np.array(shape, np.int32))}, {"newShape": shape})


def gathered(operator: Operator, order: Order) -> Order | None:
    """Return how to turn what a reshaping's input is a view of, so that the axes it joins are in order; None: no need.

    That is a channel shuffle: the view's other axes keep their places, so that all behind it still is a view. Axes
    that stand apart are not brought together: that moves as much as writing the view as it is.
    """
    x, output = operator.given[0], operator.output
    if operator.code != "RESHAPE" or x.size < 0 or output.size <= 0:
        return None
    runs = [[order[axis] for axis in axes] for axes, _ in _blocks(x.shape, output.shape) if axes]
    if any(max(axes) - min(axes) >= len(axes) for axes in runs):
        return None
    turned = tuple(axis for axes in sorted(runs, key=min) for axis in axes)
    return None if is_identity(turned) else turned


def _blocks(before: Sequence[int], after: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return the smallest runs of axes of two shapes that hold the same number of values."""
    blocks: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left, right = before[i : i + 1], after[j : j + 1]
        if left != right and list(left) == [1]:
            blocks.append(([i], []))
            i += 1
            continue
        if left != right and list(right) == [1]:
            if not blocks:
                blocks.append(([], []))
            blocks[-1][1].append(j)
            j += 1
            continue
        axes, made = [i], [j]
        i, j = i + 1, j + 1
        while prod(before[axis] for axis in axes) != prod(after[axis] for axis in made):
            if prod(before[axis] for axis in axes) < prod(after[axis] for axis in made):
                axes.append(i)
                i += 1
            else:
                made.append(j)
                j += 1
        blocks.append((axes, made))
    return blocks


def _without(order: Order, axes: Sequence[int]) -> Order:
    """Return the order of the axes that are left when some axes of the view are dropped."""
    left = [order[axis] for axis in range(len(order)) if axis not in axes]
    ranked = sorted(left)
    return tuple(ranked.index(axis) for axis in left)


def _permuted_bits(mask: int, back: Order) -> int:
    return sum(1 << place for place, axis in enumerate(back) if mask >> axis & 1)


RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(_REDUCTIONS, _reduction),
    **dict.fromkeys(("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"), _last_axis),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("SPLIT", "SPLIT_V"), _split),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _arg_extreme),
    "BROADCAST_TO": _broadcast_to,
    "CONCATENATION": _along_axis,
    "CUMSUM": _cumsum,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "PRELU": _prelu,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
}
"""Every other operator gets its inputs as they are."""
