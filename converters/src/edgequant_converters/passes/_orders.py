"""Orders of axes: axis i of the result is axis order[i] of what is transposed."""

from collections.abc import Sequence
from typing import TypeAlias

from edgequant_converters.ir import Operator, Tensor

Order: TypeAlias = tuple[int, ...]


def inverse(order: Sequence[int]) -> Order:
    """Return the order that undoes this one."""
    return tuple(sorted(range(len(order)), key=lambda axis: order[axis]))


def is_identity(order: Sequence[int]) -> bool:
    """Tell whether the axes stay where they are."""
    return list(order) == list(range(len(order)))


def moves_nothing(shape: Sequence[int], order: Sequence[int]) -> bool:
    """Tell whether transposing this shape leaves the values as they lie: only axes of size 1 change places."""
    long = [axis for axis in order if shape[axis] != 1]
    return long == sorted(long)


def order_of(operator: Operator) -> Order | None:
    """Return the order of a TRANSPOSE whose order is known; None for any other operator."""
    if operator.code != "TRANSPOSE":
        return None
    order = operator.input(1)
    return tuple(int(axis) for axis in order.values) if order is not None and order.is_constant else None


def axes_of(tensor: Tensor | None, rank: int) -> list[int] | None:
    """Return constant axes, from the front; None if they are computed."""
    if tensor is None or not tensor.is_constant:
        return None
    return [int(axis) % rank for axis in tensor.values.reshape(-1)]
