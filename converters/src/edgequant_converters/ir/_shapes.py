"""The shapes that operators make of their inputs' shapes."""

from collections.abc import Iterable, Sequence

from ._model import Shape


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return what numpy broadcasting makes of these; a free size (-1) wins over 1. Raises ValueError if they differ."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(_joined(sizes) for sizes in zip(*padded, strict=True))


def _joined(sizes: Sequence[int]) -> int:
    other = sorted({size for size in sizes if size != 1})
    if len([size for size in other if size >= 0]) > 1:
        raise ValueError(f"sizes {sorted(set(sizes))} do not broadcast")
    return other[-1] if other else 1


def normal_axes(axes: Iterable[int], rank: int) -> list[int]:
    """Return axes counted from the front."""
    return [int(axis) % rank if rank else 0 for axis in axes]


def permuted(shape: Shape, order: Sequence[int]) -> Shape:
    """Return the shape after a transposition: axis i is axis order[i] of the input."""
    return tuple(shape[axis] for axis in order)


def reduced(shape: Shape, axes: Sequence[int], keep: bool) -> Shape:
    """Return the shape after a reduction over `axes` (from the front)."""
    return tuple(1 if i in axes else size for i, size in enumerate(shape) if keep or i not in axes)


def window_size(size: int, window: int, stride: int, dilation: int = 1, *, same: bool = False) -> int:
    """Return how many windows fit, as LiteRT counts for SAME and VALID padding."""
    if size < 0:
        return -1
    return -(-size // stride) if same else (size - (window - 1) * dilation - 1) // stride + 1
