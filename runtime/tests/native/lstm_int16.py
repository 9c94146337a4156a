"""Models of one LSTM of int16 activations, and what TensorFlow Lite Micro makes of them; LiteRT has no such LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fixed_point import rescale, rescale_by_sixteen_bits
from .oracle import Array, run_litert
from .recurrent import CELL, FORGET, INPUT, OUTPUT, Lstm
from .single_op import Model, Quantized


@dataclass(frozen=True)
class Int16Lstm:
    """All that is in a file, gate by gate."""

    lstm: Lstm
    x_scale: float
    state_scale: float
    cell_scale: float
    weights: list[tuple[NDArray[Any], float]]  # (cells, inputs), and their scale
    recurrent: list[tuple[NDArray[Any], float]]
    bias: list[NDArray[Any]]  # (cells)

    @property
    def data(self) -> bytes:
        lstm, model = self.lstm, Model()
        x = model.input(lstm.shape(lstm.inputs), "INT16", Quantized(self.x_scale))
        matrices = [
            model.constant(values, "INT8", Quantized(scale)) for values, scale in [*self.weights, *self.recurrent]
        ]
        biases = [
            model.constant(values, "INT64", Quantized(self.x_scale * scale))
            for values, (_, scale) in zip(self.bias, self.weights)
        ]
        state = model.tensor((lstm.batch, lstm.cells), "INT16", Quantized(self.state_scale), variable=True)
        cell = model.tensor((lstm.batch, lstm.cells), "INT16", Quantized(self.cell_scale), variable=True)
        y = model.tensor(lstm.shape(lstm.cells), "INT16", Quantized(self.state_scale))
        lstm.add(model, [x, *matrices, -1, -1, -1, *biases, -1, -1, state, cell, -1, -1, -1, -1], y)
        return model.finish([y])


def int16_lstm(lstm: Lstm, seed: int) -> Int16Lstm:
    rng = np.random.default_rng(seed)
    x_scale = float(rng.uniform(0.5, 4) / 32768)

    def weights(columns: int) -> tuple[NDArray[Any], float]:
        return rng.integers(-127, 128, (lstm.cells, columns)), float(rng.uniform(0.5, 3) / 127 / np.sqrt(columns))

    matrices = [weights(lstm.inputs) for _ in range(4)]
    return Int16Lstm(
        lstm=lstm,
        x_scale=x_scale,
        state_scale=float(rng.uniform(0.7, 1.1) / 32768),
        cell_scale=2.0 ** int(rng.integers(-15, -8)),
        weights=matrices,
        recurrent=[weights(lstm.cells) for _ in range(4)],
        bias=[np.round(rng.normal(size=lstm.cells) / (x_scale * scale)).astype(np.int64) for _, scale in matrices],
    )


def _function(name: str, x: NDArray[np.int64], scale: float) -> NDArray[np.int64]:
    """LiteRT's LOGISTIC or TANH of int16, which TensorFlow Lite Micro's LSTM calls too."""
    model = Model()
    values = model.input(x.shape, "INT16", Quantized(scale))
    y = model.tensor(x.shape, "INT16", Quantized(2.0**-15))
    model.operator(name, [values], [y])
    return np.asarray(run_litert(model.finish([y]), [x.astype(np.int16)], "reference")[0].astype(np.int64))


def _saturate(x: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.clip(x, -32768, 32767)


def micro_lstm(model: Int16Lstm, frames: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """What `EvalLstm` of micro/kernels/lstm_eval.h gives, in numpy."""
    lstm = model.lstm
    state = np.zeros((lstm.batch, lstm.cells), np.int64)
    cell = np.zeros((lstm.batch, lstm.cells), np.int64)
    clip = min(int(lstm.cell_clip / model.cell_scale), 32767)

    def product(values: NDArray[np.int64], scale: float, matrix: tuple[NDArray[Any], float], bias: Any) -> Any:
        sums = values @ matrix[0].T.astype(np.int64) + bias
        real = np.float64(np.float32(scale) * np.float32(matrix[1])) / 2.0**-12
        return _saturate(rescale_by_sixteen_bits(sums, real))

    def gate(index: int, x: NDArray[np.int64]) -> NDArray[np.int64]:
        total = product(x, model.x_scale, model.weights[index], model.bias[index])
        total = _saturate(total + product(state, model.state_scale, model.recurrent[index], 0))
        return _function("TANH" if index == CELL else "LOGISTIC", total, 2.0**-12)

    results = []
    for (frame,) in frames:
        steps = frame if lstm.time_major else frame.swapaxes(0, 1)
        outputs = []
        for x in steps.astype(np.int64):
            gates = [gate(index, x) for index in (INPUT, FORGET, CELL, OUTPUT)]
            kept = _saturate(rescale(gates[FORGET] * cell, np.float64(2.0**-15)))
            news = rescale(gates[INPUT] * gates[CELL], np.float64(2.0**-30 / model.cell_scale))
            cell = _saturate(kept + _saturate(news))
            if clip > 0:
                cell = np.clip(cell, -clip, clip)
            hidden = gates[OUTPUT] * _function("TANH", cell, model.cell_scale)
            state = _saturate(rescale(hidden, np.float64(2.0**-30 / np.float64(np.float32(model.state_scale)))))
            outputs.append(state.astype(np.int16))
        results.append([np.stack(outputs, axis=0 if lstm.time_major else 1)])
    return results
