"""The two orders in which the axes of images stand: LiteRT's, channels last, and ONNX's, channels first."""

from collections.abc import Sequence

from edgequant_converters.passes import Order, inverse


def first_order(rank: int) -> Order:
    """Return the order that brings the channels, which are last, behind the batch."""
    return (0, rank - 1, *range(1, rank - 1))


def last_order(rank: int) -> Order:
    """Return the order that undoes `first_order`."""
    return inverse(first_order(rank))


def composed(outer: Sequence[int], inner: Sequence[int]) -> Order:
    """Return the order that transposes by `inner` and then by `outer`."""
    return tuple(inner[axis] for axis in outer)
