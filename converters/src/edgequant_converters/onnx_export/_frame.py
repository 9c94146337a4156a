"""Operators that compute alike in either order of the axes: they take the one that their inputs have."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Tensor, constant

from ._layouts import first_order
from ._writer import Writer


class Frame:
    """The order of axes in which one operator of a given rank is written.

    Channels first if an input is there in that order alone, else LiteRT's own.
    """

    def __init__(self, writer: Writer, inputs: Sequence[Tensor], rank: int) -> None:
        self._writer, self.rank = writer, rank
        fits = all(tensor.is_constant or tensor.rank == rank for tensor in inputs)
        self.first = rank >= 3 and fits and any(writer.is_first_alone(tensor) for tensor in inputs)
        self._order = first_order(rank) if self.first else tuple(range(rank))

    def read(self, tensor: Tensor) -> str:
        """Return an input; a constant of fewer axes is one that broadcasts."""
        if not self.first:
            return self._writer.value(tensor)
        if tensor.is_constant and tensor.rank < self.rank:
            return self._writer.first(_raised(tensor, self.rank)) if tensor.size > 1 else self._writer.value(tensor)
        return self._writer.first(tensor)

    def set(self, tensor: Tensor, name: str) -> None:
        """Say which value an output of the operator's rank is."""
        self._writer.set(tensor, name, first=self.first)

    def axis(self, axis: int) -> int:
        """Return where an axis, counted in LiteRT's order, stands."""
        return self._order.index(axis % self.rank)

    def ordered(self, values: Sequence[int] | NDArray[Any]) -> list[int]:
        """Return what there is one of for each axis, in this order."""
        return [int(values[axis]) for axis in self._order]


def _raised(tensor: Tensor, rank: int) -> Tensor:
    """Return a constant with axes of size 1 in front of its own, its scales on the same one."""
    shape = (*[1] * (rank - tensor.rank), *tensor.shape)
    made = constant(tensor.name, np.asarray(tensor.values).reshape(shape))
    made.type, made.quantization = tensor.type, tensor.quantization
    return made
