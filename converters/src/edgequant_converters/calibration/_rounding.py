"""What rounding activations does to the means of their channels: the biases of what reads them make up for it.

A SiLU's results below 0 end at -0.28. Beside values of 150 that is less than half a step: all of them become 0, which
half of all values are in the first layers of a detector. Each channel is then off by a tenth on average, everywhere and
always in the same direction; no range is much better, but a bias makes up for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Quantization

from ._least_error import THROUGH

Rows = Mapping[str, NDArray[np.float32]]
"""Evenly spread places of tensors on calibration samples, (places, channels), by the tensors' names."""

GridOf = Callable[[str], Quantization | None]
"""The int8 grid of an activation of the hub, by its name; None if it has none."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """What calibration samples say of the tensors that layers read.

    `means` has the mean of each channel. `results` has the argument and the function of those that are functions of one
    tensor, whose rounding counts too.
    """

    means: Mapping[str, NDArray[np.float64]]
    rows: Rows
    results: Mapping[str, tuple[str, str]]
    _errors: dict[tuple[str, "_Grid | None", "_Grid | None"], NDArray[np.float64]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """What is known already: dozens of models differ in a few grids."""

    def error(self, name: str, grid_of: GridOf) -> NDArray[np.float64] | None:
        """Return by how much rounding to int8 moves the mean of each channel of a tensor; None if that is not known.

        What is off by more than a step was cut off, not rounded: it errs in few places, and all others would be shifted
        for it.
        """
        grid, rows = grid_of(name), self.rows.get(name)
        if grid is None or rows is None:
            return None
        argument, function = self.results.get(name, ("", ""))
        given = grid_of(argument) if argument in self.rows and function in THROUGH else None
        key = name, grid.scale_and_point, None if given is None else given.scale_and_point
        if key not in self._errors:
            self._errors[key] = self._error(rows, *key)
            self._errors[key].setflags(write=False)  # all who ask get this one
        return self._errors[key]

    def _error(self, rows: NDArray[np.float32], name: str, grid: "_Grid", given: "_Grid | None") -> NDArray[np.float64]:
        made: NDArray[Any] = rows
        exact: NDArray[Any] = rows
        if given is not None:
            # Both by the same formula, which may be near the function and not it: that is no rounding.
            argument, function = self.results[name]
            apply = THROUGH[function].function
            made, exact = apply(_rounded(self.rows[argument], given)), apply(self.rows[argument].astype(np.float64))
        error = _rounded(made, grid) - exact
        error[np.abs(error) > grid[0]] = 0
        return np.asarray(error.mean(axis=0, dtype=np.float64))


_Grid = tuple[float, int]
"""A scale and a zero point."""


def _rounded(values: NDArray[Any], grid: _Grid) -> NDArray[Any]:
    scale, point = grid
    steps = np.clip(np.rint(values / scale), -128 - point, 127 - point)
    return np.asarray(steps * scale)
