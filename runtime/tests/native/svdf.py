"""Models of one SVDF, in each of its types, and what TensorFlow Lite Micro makes of one whose states are int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from .fixed_point import rescale
from .oracle import Array
from .single_op import RELU, Model, Quantized


@dataclass(frozen=True)
class Svdf:
    """Sizes and options."""

    batch: int
    inputs: int
    units: int
    rank: int
    memory: int
    has_bias: bool = True
    activation: int = RELU
    asymmetric: bool = False

    @property
    def filters(self) -> int:
        return self.units * self.rank

    def add(self, model: Model, inputs: Sequence[int], y: int) -> bytes:
        model.operator("SVDF", inputs, [y], "SVDFOptions", version=4, rank=self.rank,
                       fusedActivationFunction=self.activation, asymmetricQuantizeInputs=self.asymmetric)  # fmt: skip
        return model.finish([y])


@st.composite
def svdfs(draw: st.DrawFn) -> Svdf:
    return Svdf(
        batch=draw(st.integers(1, 3)),
        inputs=draw(st.integers(1, 40)),
        units=draw(st.integers(1, 21)),
        rank=draw(st.integers(1, 3)),
        memory=draw(st.integers(1, 12)),
        has_bias=draw(st.booleans()),
        asymmetric=draw(st.booleans()),
    )


def float_svdf(svdf: Svdf, seed: int, weights: str = "FLOAT32") -> bytes:
    """With weights of float32, or of INT8 or UINT8 with one scale; LiteRT reads the bytes of UINT8 as those of int8."""
    rng = np.random.default_rng(seed)
    model = Model()

    def constant(rows: int, columns: int) -> int:
        if weights == "FLOAT32":
            return model.constant(rng.normal(size=(rows, columns)) / np.sqrt(columns), "FLOAT32")
        values = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
        scale = Quantized(float(rng.uniform(0.5, 2) / 127 / np.sqrt(columns)))
        return model.constant(values.view(np.uint8) if weights == "UINT8" else values, weights, scale)

    x = model.input((svdf.batch, svdf.inputs), "FLOAT32")
    feature, time = constant(svdf.filters, svdf.inputs), constant(svdf.filters, svdf.memory)
    bias = model.constant(rng.normal(size=svdf.units), "FLOAT32") if svdf.has_bias else -1
    state = model.tensor((svdf.batch, svdf.filters * svdf.memory), "FLOAT32", variable=True)
    return svdf.add(model, [x, feature, time, bias, state], model.tensor((svdf.batch, svdf.units), "FLOAT32"))


@dataclass(frozen=True)
class Int8Svdf:
    """All that is in a file of an int8 one. `wide` has states of int16, else they are int8 with a zero point."""

    svdf: Svdf
    wide: bool
    x: Quantized
    y: Quantized
    state: Quantized
    feature_scale: float
    time_scale: float
    feature: NDArray[Any]  # (filters, inputs)
    time: NDArray[Any]  # (filters, memory)
    bias: NDArray[Any]  # (units)

    @property
    def data(self) -> bytes:
        svdf, kind = self.svdf, "INT16" if self.wide else "INT8"
        model = Model()
        x = model.input((svdf.batch, svdf.inputs), "INT8", self.x)
        feature = model.constant(self.feature, "INT8", Quantized(self.feature_scale))
        time = model.constant(self.time, kind, Quantized(self.time_scale))
        bias_scale = Quantized(float(np.float32(self.state.scale) * np.float32(self.time_scale)))
        bias = model.constant(self.bias, "INT32", bias_scale) if svdf.has_bias else -1
        state = model.tensor((svdf.batch, svdf.filters * svdf.memory), kind, self.state, variable=True)
        y = model.tensor((svdf.batch, svdf.units), "INT8", self.y)
        return svdf.add(model, [x, feature, time, bias, state], y)


def int8_svdf(svdf: Svdf, wide: bool, seed: int) -> Int8Svdf:
    """Random, with most results inside of their type; the input and the state use all of theirs."""
    rng = np.random.default_rng(seed)
    most = 32767 if wide else 127
    feature_scale = float(rng.uniform(0.5, 2) / 127 / np.sqrt(svdf.inputs))
    time_scale = float(rng.uniform(0.5, 2) / most / np.sqrt(svdf.memory * svdf.rank))
    state_scale = float(rng.uniform(0.5, 4) / most)
    bias = np.clip(rng.normal(size=svdf.units) / (state_scale * time_scale), -(2**30), 2**30)
    return Int8Svdf(
        svdf=svdf,
        wide=wide,
        x=Quantized(float(rng.uniform(0.5, 2) / 127), int(rng.integers(-128, 128))),
        y=Quantized(float(rng.uniform(0.5, 4) / 127), int(rng.integers(-128, 128))),
        state=Quantized(state_scale, 0 if wide else int(rng.integers(-40, 41))),
        feature_scale=feature_scale,
        time_scale=time_scale,
        feature=rng.integers(-127, 128, (svdf.filters, svdf.inputs)),
        time=rng.integers(-most, most + 1, (svdf.filters, svdf.memory)),
        bias=np.round(bias).astype(np.int32),
    )


def _scale(*scales: float) -> np.float64:
    """The float32 a * b / c."""
    a, b, c = map(np.float32, scales)
    return np.float64(a * b / c)


def micro_svdf(model: Int8Svdf, frames: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """What TensorFlow Lite Micro gives: `EvalIntegerSvdfReference` of its micro/kernels/svdf_common.cc, in numpy."""
    svdf, dtype = model.svdf, np.int16 if model.wide else np.int8
    zero = int(np.asarray(model.state.zero_point))
    state = np.full((svdf.batch, svdf.filters, svdf.memory), zero, np.int64)
    results = []
    for (frame,) in frames:
        news = (frame.astype(np.int64) - int(np.asarray(model.x.zero_point))) @ model.feature.T.astype(np.int64)
        news = rescale(news, _scale(model.x.scale, model.feature_scale, model.state.scale)) + zero  # type: ignore[arg-type]
        limits = np.iinfo(dtype)
        state = np.concatenate([state[:, :, 1:], np.clip(news, limits.min, limits.max)[:, :, None]], axis=2)
        sums = ((state - zero) * model.time).sum(axis=2).reshape(svdf.batch, svdf.units, svdf.rank).sum(axis=2)
        sums = (sums + (model.bias if svdf.has_bias else 0)).astype(np.int32).astype(np.int64)  # wraps
        out = rescale(sums, _scale(model.state.scale, model.time_scale, model.y.scale))  # type: ignore[arg-type]
        results.append([np.clip(out + int(np.asarray(model.y.zero_point)), -128, 127).astype(np.int8)])
    return results
