"""Outputs that look like the next value of an input: a network keeps its state so, outside."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class _Sized(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


T = TypeVar("T", bound=_Sized)


def states(inputs: Sequence[T], outputs: Sequence[T]) -> list[tuple[T, T]]:
    """Return inputs with the output that has their shape, in the same order; none where there is one of either."""
    if len(inputs) < 2 or len(outputs) < 2:
        return []
    left, pairs = list(outputs), []
    for state in inputs:
        after = next((spec for spec in left if spec.shape == state.shape), None)
        if after is not None:
            left.remove(after)
            pairs.append((state, after))
    return pairs
