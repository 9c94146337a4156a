"""Rounding a float32 .tflite's trained values, and counting what they take."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._metrics import ErrorStatistics
from edgequant_converters.ir import Operator, Tensor, read_ir, write_ir
from edgequant_converters.linear import fit
from edgequant_converters.quantizer import Weight, trained_values
from edgequant_converters.tflite import read_model

from ._formats import StoredFormat

SCALE_BYTES = 4


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """One layer's weights: how many, and their SQNR in dB (300: exact; None: a value is beyond the format)."""

    layer: str
    values: int
    sqnr_db: float | None


@dataclass(frozen=True, slots=True)
class StoredModel:
    """What storage costs: bytes of all trained values with their float32 scales, and the loss of each layer.

    `values` counts the trained values, `beyond` those that are too large for the format, which become infinity or NaN.
    """

    bytes: int
    values: int
    beyond: int
    layers: tuple[LayerLoss, ...]


def store_as(hub: Path, output: Path, stored: StoredFormat, group_size: int) -> StoredModel:
    """Write `hub`, a float32 .tflite, to `output` with its trained values rounded to a format; still float32.

    Float formats round every constant of two floats or more, biases too. Integer formats round the weights of layers,
    symmetrically; other constants stay in float32, as they do in LiteRT. A channel is an output channel, a group a run
    of `group_size` weights within one, the last of which may be shorter.

    Raises SourceError for a file that is none.
    """
    model = read_ir(read_model(hub))
    rounding = _Rounding(stored, group_size)
    for graph in model.graphs:
        for operator in graph.operators:
            for place, weight in trained_values(operator):
                operator.inputs[place] = rounding.replaced(operator, weight)
    output.write_bytes(write_ir(model))
    return rounding.result()


@dataclass
class _Rounding:
    stored: StoredFormat
    group_size: int
    made: dict[tuple[Tensor, int | None], Tensor] = field(default_factory=dict)
    bits: int = 0
    values: int = 0
    beyond: int = 0
    layers: list[LayerLoss] = field(default_factory=list)

    def result(self) -> StoredModel:
        return StoredModel(math.ceil(self.bits / 8), self.values, self.beyond, tuple(self.layers))

    def replaced(self, operator: Operator, weight: Weight) -> Tensor:
        """Return a tensor of rounded values; one that several layers share is stored once."""
        key = (weight.tensor, weight.axis)
        if key not in self.made:
            values = weight.tensor.values
            rounded, bits = self._round(values, weight)
            self.bits, self.values = self.bits + bits, self.values + values.size
            self.beyond += int(np.count_nonzero(~np.isfinite(rounded)))
            self.made[key] = Tensor(weight.tensor.name, weight.tensor.shape, data=rounded)
            if weight.is_layer:
                self.layers.append(_loss(operator.output.name, values, rounded))
        return self.made[key]

    def _round(self, values: NDArray[np.float32], weight: Weight) -> tuple[NDArray[np.float32], int]:
        number = self.stored.number
        if self.stored.sharing is None:
            with np.errstate(over="ignore", invalid="ignore"):
                return values.astype(number.dtype).astype(np.float32), values.size * number.bits
        if not weight.is_layer:
            return values, 32 * values.size
        channels = _channels_first(values, weight.axis if self.stored.sharing != "tensor" else None)
        size = min(self.group_size, channels.shape[1]) if self.stored.sharing == "group" else channels.shape[1]
        groups = -(-channels.shape[1] // size)
        padded = np.pad(channels, ((0, 0), (0, groups * size - channels.shape[1])))
        restored = fit(padded, bits=number.bits, group_size=size).round_trip(padded)[:, : channels.shape[1]]
        scales = channels.shape[0] * groups
        return _as_it_was(restored, values.shape, weight.axis if self.stored.sharing != "tensor" else None), (
            values.size * number.bits + 8 * SCALE_BYTES * scales
        )


def _channels_first(values: NDArray[np.float32], axis: int | None) -> NDArray[np.float32]:
    """Return (channels, weights of each); one row of all where the kernel knows no channels."""
    return values.reshape(1, -1) if axis is None else np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)


def _as_it_was(rows: NDArray[np.floating[Any]], shape: tuple[int, ...], axis: int | None) -> NDArray[np.float32]:
    if axis is None:
        return np.ascontiguousarray(rows.reshape(shape), np.float32)
    moved = (shape[axis], *(size for place, size in enumerate(shape) if place != axis))
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), 0, axis), np.float32)


def _loss(layer: str, values: NDArray[np.float32], rounded: NDArray[np.float32]) -> LayerLoss:
    statistics = ErrorStatistics()
    statistics.update(values, rounded)
    return LayerLoss(layer, values.size, statistics.sqnr_db if math.isfinite(statistics.sqnr_db) else None)
