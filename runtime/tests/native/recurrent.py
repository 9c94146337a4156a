"""Models of one LSTM, with any of its optional parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

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
    asymmetric: bool = False

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
                       projClip=self.proj_clip, fusedActivationFunction=self.activation,
                       asymmetricQuantizeInputs=self.asymmetric, **more)  # fmt: skip


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
        asymmetric=draw(st.booleans()),
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


@dataclass(frozen=True)
class Basic:
    """An LSTM of the BASIC kernel, of FLOAT32 or UINT8; its states are variables or inputs."""

    batch: int
    inputs: int
    cells: int
    kind: str
    variables: bool


def basic_lstm(lstm: Basic, seed: int) -> bytes:
    """A model that gives all four outputs."""
    rng, model, quantized = np.random.default_rng(seed), Model(), lstm.kind == "UINT8"
    values, state = (Quantized(1 / 128, 128), Quantized(2.0**-11, 0)) if quantized else (None, None)
    state_kind, depth, rows = "INT16" if quantized else "FLOAT32", lstm.inputs + lstm.cells, 4 * lstm.cells

    def kept(kind: str, scale: Quantized | None) -> int:
        shape = lstm.batch, lstm.cells
        return model.tensor(shape, kind, scale, variable=True) if lstm.variables else model.input(shape, kind, scale)

    slots = [model.input((lstm.batch, lstm.inputs), lstm.kind, values), kept(lstm.kind, values)]
    if quantized:
        weights = Quantized(float(rng.uniform(0.5, 2)) / 128, int(rng.integers(90, 160)))
        slots.append(model.constant(rng.integers(0, 256, (rows, depth)), "UINT8", weights))
        slots.append(model.constant(rng.integers(-9000, 9000, rows), "INT32", Quantized(weights.scale / 128)))
    else:
        slots.append(model.constant(rng.normal(size=(rows, depth)) / np.sqrt(depth), "FLOAT32"))
        slots.append(model.constant(rng.normal(size=rows), "FLOAT32"))
    slots.append(kept(state_kind, state))
    results = [
        model.tensor((lstm.batch, size), kind, scale)
        for size, kind, scale in (
            (lstm.cells, lstm.kind, values), (lstm.cells, state_kind, state), (depth, lstm.kind, values),
            (rows, state_kind, state),
        )
    ]  # fmt: skip
    model.operator("LSTM", slots, results, "LSTMOptions", version=2, kernelType=1, fusedActivationFunction=TANH)
    return model.finish(results)


def float_or_quantized(model: Model, values: NDArray[np.float64], kind: str) -> int:
    """A constant of float32, or of INT8 or UINT8 with one scale, where LiteRT takes the bytes of UINT8 for int8."""
    if kind == "FLOAT32":
        return model.constant(values, kind)
    scale = max(float(np.abs(values).max()), 1e-3) / 127
    quantized = np.round(values / scale).astype(np.int8)
    return model.constant(quantized.view(np.uint8) if kind == "UINT8" else quantized, kind, Quantized(scale))


class FloatWeights:
    """Random weights of about the size that training leaves: float32, or INT8 or UINT8 with float activations."""

    def __init__(self, model: Model, kind: str, seed: int) -> None:
        self.model, self.kind, self.rng = model, kind, np.random.default_rng(seed)

    def matrix(self, rows: int, columns: int) -> int:
        return float_or_quantized(self.model, self.rng.normal(size=(rows, columns)) / np.sqrt(columns), self.kind)

    def diagonal(self, rows: int) -> int:
        return float_or_quantized(self.model, self.rng.normal(size=rows), self.kind)

    def floats(self, rows: int) -> int:
        return self.model.constant(self.rng.normal(size=rows), "FLOAT32")

    def state(self, batch: int, size: int) -> int:
        return self.model.tensor((batch, size), "FLOAT32", variable=True)

    def cell(self, lstm: Lstm) -> list[int]:
        """From the first weights to the projection's bias, 17 tensors, some of them absent."""
        slots = [-1] * 17
        for gate in lstm.gates:
            slots[gate] = self.matrix(lstm.cells, lstm.inputs)
            slots[4 + gate] = self.matrix(lstm.cells, lstm.outputs)
            slots[11 + gate] = self.floats(lstm.cells)
            if lstm.peephole and gate != CELL:
                slots[8 + min(gate, 2)] = self.diagonal(lstm.cells)
        if lstm.projection:
            slots[15] = self.matrix(lstm.outputs, lstm.cells)
            slots[16] = self.floats(lstm.outputs) if self.rng.integers(2) else -1
        return slots

    def states(self, lstm: Lstm) -> list[int]:
        return [self.state(lstm.batch, lstm.outputs), self.state(lstm.batch, lstm.cells)]


def float_lstm(lstm: Lstm, seed: int, kind: str = "FLOAT32") -> bytes:
    model = Model()
    weights = FloatWeights(model, kind, seed)
    x = model.input(lstm.shape(lstm.inputs), "FLOAT32")
    norms = [weights.floats(lstm.cells) if lstm.norm and gate in lstm.gates else -1 for gate in range(4)]
    y = model.tensor(lstm.shape(lstm.outputs), "FLOAT32")
    lstm.add(model, [x, *weights.cell(lstm), *weights.states(lstm), *norms], y)
    return model.finish([y])


@dataclass(frozen=True)
class Bidirectional:
    """The options of a bidirectional operator, and what its second input is for."""

    merged: bool
    second: (
        str  # "none"; "beside" the first input, with weights of its own; "instead" of it, for the backward direction
    )

    def second_input(self, model: Model, shape: Sequence[int]) -> int:
        return -1 if self.second == "none" else model.input(shape, "FLOAT32")

    def outputs(self, model: Model, shape: Sequence[int], forwards: int, backwards: int) -> list[int]:
        depths = [forwards + backwards] if self.merged else [forwards, backwards]
        return [model.tensor((*shape[:-1], depth), "FLOAT32") for depth in depths]


BIDIRECTIONALS = st.builds(Bidirectional, merged=st.booleans(), second=st.sampled_from(["none", "beside", "instead"]))


def bidirectional_lstm(lstm: Lstm, kind_of: Bidirectional, seed: int, kind: str = "FLOAT32") -> bytes:
    """Both directions have the same sizes, which LiteRT demands."""
    model = Model()
    weights = FloatWeights(model, kind, seed)
    x = model.input(lstm.shape(lstm.inputs), "FLOAT32")
    second = kind_of.second_input(model, lstm.shape(lstm.inputs))
    cells = [*weights.cell(lstm), *weights.cell(lstm)]
    states = [*weights.states(lstm), *weights.states(lstm)]
    beside = [
        weights.matrix(lstm.cells, lstm.inputs) if kind_of.second == "beside" and gate in lstm.gates else -1
        for gate in 2 * list(range(4))
    ]
    outputs = kind_of.outputs(model, lstm.shape(0), lstm.outputs, lstm.outputs)
    model.operator("BIDIRECTIONAL_SEQUENCE_LSTM", [x, *cells, *states, second, *beside], outputs,
                   "BidirectionalSequenceLSTMOptions", version=3, cellClip=lstm.cell_clip,
                   projClip=lstm.proj_clip, fusedActivationFunction=lstm.activation,
                   timeMajor=lstm.time_major, mergeOutputs=kind_of.merged,
                   asymmetricQuantizeInputs=lstm.asymmetric)  # fmt: skip
    return model.finish(outputs)
