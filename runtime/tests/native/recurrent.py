"""Models of one LSTM, with any of its optional parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .single_op import Model, Quantized

TANH = 4  # the fused activation that converters write
INPUT, FORGET, CELL, OUTPUT = range(4)  # gates


@dataclass(frozen=True)
class Lstm:
    """The parts of an LSTM; without `sequence` it is the operator of one time step."""

    batch: int
    time: int
    inputs: int
    cells: int
    outputs: int
    cifg: bool = False
    peephole: bool = False
    norm: bool = False
    projection: bool = False
    time_major: bool = False
    sequence: bool = True
    activation: int = TANH
    cell_clip: float = 0.0
    proj_clip: float = 0.0

    @property
    def gates(self) -> list[int]:
        return [FORGET, CELL, OUTPUT] if self.cifg else [INPUT, FORGET, CELL, OUTPUT]

    def shape(self, depth: int) -> tuple[int, ...]:
        """Of the input or the output."""
        if not self.sequence:
            return self.batch, depth
        return (self.time, self.batch, depth) if self.time_major else (self.batch, self.time, depth)

    def add(self, model: Model, inputs: Sequence[int], y: int, intermediates: Sequence[int] = ()) -> None:
        name = "UNIDIRECTIONAL_SEQUENCE_LSTM" if self.sequence else "LSTM"
        options = "UnidirectionalSequenceLSTMOptions" if self.sequence else "LSTMOptions"
        more: dict[str, Any] = {"timeMajor": self.time_major} if self.sequence else {}
        model.operator(name, inputs, [y], options, version=1, intermediates=intermediates, cellClip=self.cell_clip,
                       projClip=self.proj_clip, fusedActivationFunction=self.activation, **more)  # fmt: skip


@st.composite
def lstms(draw: st.DrawFn) -> Lstm:
    """Any combination of parts; peepholes only where LiteRT's integer kernel reads the right ones."""
    cells, projection, peephole = draw(st.integers(1, 21)), draw(st.booleans()), draw(st.booleans())
    sequence = draw(st.booleans())
    return Lstm(
        batch=draw(st.integers(1, 3)),
        time=draw(st.integers(1, 5)) if sequence else 1,
        inputs=draw(st.integers(1, 35)),
        cells=cells,
        outputs=draw(st.integers(1, 21)) if projection and not peephole else cells,
        cifg=draw(st.booleans()),
        peephole=peephole,
        norm=draw(st.booleans()),
        projection=projection,
        time_major=draw(st.booleans()),
        sequence=sequence,
        cell_clip=draw(st.sampled_from([0.0, 0.5, 10.0])),
        proj_clip=draw(st.sampled_from([0.0, 0.3])),
    )


def int8_lstm(lstm: Lstm, seed: int) -> bytes:
    """Weights, scales and zero points are random; most gates are far from their ends."""
    rng = np.random.default_rng(seed)
    model = Model()

    def scale(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    def weights(rows: int, columns: int) -> int:
        values = rng.integers(-127, 128, (rows, columns))
        return model.constant(values, "INT8", Quantized(scale(0.3, 3) / 127 / np.sqrt(columns)))

    def diagonal(rows: int, size: float) -> int:
        return model.constant(rng.integers(-32767, 32768, rows), "INT16", Quantized(scale(0.3, 2) * size / 32768))

    def bias(rows: int) -> int:
        return model.constant(rng.integers(-3000, 3000, rows), "INT32", Quantized(0.001))

    state_q = Quantized(scale(0.002, 0.01), int(rng.integers(-60, 60)))
    cell_scale = 2.0 ** int(rng.integers(-15, -8))
    x = model.input(lstm.shape(lstm.inputs), "INT8", Quantized(scale(0.004, 0.03), int(rng.integers(-60, 60))))
    slots = [x] + [-1] * 23
    for gate in lstm.gates:
        slots[1 + gate] = weights(lstm.cells, lstm.inputs)
        slots[5 + gate] = weights(lstm.cells, lstm.outputs)
        slots[12 + gate] = bias(lstm.cells)
        if lstm.peephole and gate != CELL:
            slots[9 + min(gate, 2)] = diagonal(lstm.cells, 1.0)
        if lstm.norm:
            slots[20 + gate] = diagonal(lstm.cells, 1.0)
    if lstm.projection:
        slots[16] = weights(lstm.outputs, lstm.cells)
        slots[17] = bias(lstm.outputs) if rng.integers(2) else -1
    slots[18] = model.tensor((lstm.batch, lstm.outputs), "INT8", state_q, variable=True)
    slots[19] = model.tensor((lstm.batch, lstm.cells), "INT16", Quantized(cell_scale), variable=True)
    between = [model.tensor((0,), "INT16", Quantized(scale(0.5, 2) / 4096)) for _ in range(4)]
    hidden = state_q if not lstm.projection else Quantized(scale(0.004, 0.01), int(rng.integers(-60, 60)))
    between.append(model.tensor((0,), "INT8", hidden))
    y = model.tensor(lstm.shape(lstm.outputs), "INT8", state_q)
    lstm.add(model, slots, y, between)
    return model.finish([y])


def float_lstm(lstm: Lstm, seed: int) -> bytes:
    """Random weights of about the size that training leaves."""
    rng = np.random.default_rng(seed)
    model = Model()

    def weights(*shape: int) -> int:
        return model.constant(rng.normal(size=shape) / np.sqrt(shape[-1]), "FLOAT32")

    def diagonal(rows: int) -> int:
        return model.constant(rng.normal(size=rows), "FLOAT32")

    slots = [model.input(lstm.shape(lstm.inputs), "FLOAT32")] + [-1] * 23
    for gate in lstm.gates:
        slots[1 + gate] = weights(lstm.cells, lstm.inputs)
        slots[5 + gate] = weights(lstm.cells, lstm.outputs)
        slots[12 + gate] = diagonal(lstm.cells)
        if lstm.peephole and gate != CELL:
            slots[9 + min(gate, 2)] = diagonal(lstm.cells)
        if lstm.norm:
            slots[20 + gate] = diagonal(lstm.cells)
    if lstm.projection:
        slots[16] = weights(lstm.outputs, lstm.cells)
        slots[17] = diagonal(lstm.outputs) if rng.integers(2) else -1
    slots[18] = model.tensor((lstm.batch, lstm.outputs), "FLOAT32", variable=True)
    slots[19] = model.tensor((lstm.batch, lstm.cells), "FLOAT32", variable=True)
    y = model.tensor(lstm.shape(lstm.outputs), "FLOAT32")
    lstm.add(model, slots, y)
    return model.finish([y])
