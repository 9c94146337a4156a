"""Which activations of a graph are alive, who writes them, and which of them hold the same values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.graph import ModelGraph, Tensor
from edgequant_converters.graph._float_ops import CONVERSIONS, computed_constants

KEEPS_VALUES = CONVERSIONS - {"DynamicQuantizeLinear"}  # which chooses a scale of its own at each run


@dataclass(frozen=True, slots=True)
class Grid:
    """The values a quantized tensor can hold: scale * (q - zero_point) for integers q from `lowest` to `highest`."""

    scale: float
    zero_point: int
    lowest: int
    highest: int

    @property
    def low(self) -> float:
        """The lowest value that can be represented."""
        return self.scale * (self.lowest - self.zero_point)

    @property
    def high(self) -> float:
        """The highest value that can be represented."""
        return self.scale * (self.highest - self.zero_point)

    def to_integers(self, real: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return round(x / scale) + zero_point, ties to even, saturated; NaN becomes the zero point."""
        wide = np.nan_to_num(real.astype(np.float64) / self.scale, nan=0.0)
        integers: NDArray[np.float64] = np.clip(np.rint(wide) + self.zero_point, self.lowest, self.highest)
        return integers

    def to_real(self, integers: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return scale * (q - zero_point)."""
        return (self.scale * (integers.astype(np.float64) - self.zero_point)).astype(np.float32)


def grid_of(tensor: Tensor) -> Grid | None:
    """Return the grid of an integer tensor with a single scale; None for any other tensor."""
    if len(tensor.scales) != 1 or tensor.dtype not in ("int8", "uint8", "int16", "uint16"):
        return None
    limits = np.iinfo(tensor.dtype)
    zero_point = tensor.zero_points[0] if tensor.zero_points else 0
    return Grid(tensor.scales[0], zero_point, int(limits.min), int(limits.max))


class Flow:
    """The part of a graph between its inputs and its outputs.

    `group` names, for each activation, the first of the tensors that hold the same values: quantizing, dequantizing and
    requantizing start no new group. Operators are known by their positions in `graph.ops`.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.writer = {tensor: number for number, op in enumerate(graph.ops) for tensor in op.outputs}
        self._constant = computed_constants(graph)
        self.live = self._live_ops()
        self.group: dict[int, int] = {tensor: tensor for tensor in graph.inputs}
        for number in self.live:
            self._add_outputs(number)
        self.members: dict[int, list[int]] = {}
        for tensor, root in self.group.items():
            self.members.setdefault(root, []).append(tensor)

    def activations(self, number: int) -> list[int]:
        """Return the inputs of an operator that depend on the graph's inputs."""
        return [tensor for tensor in self.graph.ops[number].inputs if tensor in self.group]

    def is_conversion(self, number: int) -> bool:
        """Tell whether an operator only changes between float and integer, or between scales."""
        return self.graph.ops[number].type in KEEPS_VALUES

    def is_real(self, root: int) -> bool:
        """Tell whether a group stands for real numbers: floats, or integers with a scale."""
        members = [self.graph.tensors[tensor] for tensor in self.members[root]]
        return any(tensor.is_float or grid_of(tensor) is not None for tensor in members)

    def last(self, root: int) -> int:
        """Return the tensor that shows what became of a group: its last integer form, or else its last form."""
        quantized = [tensor for tensor in self.members[root] if grid_of(self.graph.tensors[tensor]) is not None]
        return (quantized or self.members[root])[-1]

    def grid(self, tensor: int) -> Grid | None:
        """Return the values that an activation can have: its own grid, or that of what it was dequantized from."""
        own = grid_of(self.graph.tensors[tensor])
        writer = self.writer.get(tensor)
        if own is not None or writer is None or not self.is_conversion(writer):
            return own
        return next((self.grid(source) for source in self.activations(writer)), None)

    def to_own_type(self, tensor: int, real: NDArray[Any]) -> NDArray[Any]:
        """Return real values as an activation can have them, in its own type."""
        grid, dtype = self.grid(tensor), self.graph.tensors[tensor].dtype
        if grid is None:
            own: NDArray[Any] = real.astype(dtype)
            return own
        integers = grid.to_integers(real)
        return (grid.to_real(integers) if self.graph.tensors[tensor].is_float else integers).astype(dtype)

    def to_real(self, tensor: int, value: NDArray[Any]) -> NDArray[np.float32]:
        """Return what an activation in its own type stands for."""
        grid = grid_of(self.graph.tensors[tensor])
        return value.astype(np.float32) if grid is None else grid.to_real(value)

    def readers(self, root: int) -> list[int]:
        """Return the operators that compute something from a group."""
        return [n for n in self.live if not self.is_conversion(n) and root in map(self.group.get, self.activations(n))]

    def _live_ops(self) -> list[int]:
        found: set[int] = set()
        waiting = list(self.graph.outputs)
        while waiting:
            number = self.writer.get(waiting.pop())
            if number is not None and number not in found:
                found.add(number)
                waiting += self.graph.ops[number].inputs
        return sorted(found)

    def _add_outputs(self, number: int) -> None:
        op, sources = self.graph.ops[number], self.activations(number)
        for tensor in op.outputs:
            if tensor not in self._constant:
                same_values = self.is_conversion(number) and bool(sources)
                self.group[tensor] = self.group[sources[0]] if same_values else tensor
