"""Elementwise operators of int16 tensors against LiteRT, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import check
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, Model, Quantized
from .test_elementwise import SEEDS, Shape, broadcast_shapes

pytestmark = pytest.mark.slow

SCALES = st.one_of(st.floats(2**-14, 2**-4, width=32), st.sampled_from([2.0**e for e in range(-14, -4)]))
ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int16)
OPTIONS = {
    "ABS": "AbsOptions", "EXP": "ExpOptions", "GELU": "GeluOptions", "LEAKY_RELU": "LeakyReluOptions",
    "NEG": "NegOptions",
    "LOGISTIC": None, "TANH": None, "RELU": None, "RELU6": None, "RSQRT": None, "LOG": None,
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
@given(scale=SCALES, result=SCALES, alpha=st.floats(-2, 2, width=32), approximate=st.booleans())
@examples(4)
def test_one_input(name: str, scale: float, result: float, alpha: float, approximate: bool) -> None:
    if name in ("LOGISTIC", "TANH"):
        result = 2.0**-15
    if name == "EXP":  # LiteRT casts what an int16 cannot hold
        scale = min(scale, 2.0**-14)
    more: dict[str, Any] = {"LEAKY_RELU": {"alpha": alpha}, "GELU": {"approximate": approximate}}.get(name, {})
    model = Model()
    x, y = model.input(ALL.shape, "INT16", Quantized(scale)), model.tensor(ALL.shape, "INT16", Quantized(result))
    version = {"GELU": 2, "ABS": 3, "LOG": 2, "RSQRT": 3, "EXP": 2, "LEAKY_RELU": 2}.get(
        name, 3 if name != "NEG" else 1
    )
    model.operator(name, [x], [y], OPTIONS[name], version=version, **more)
    values = np.maximum(ALL, 1) if name == "RSQRT" else ALL  # of which LiteRT takes no other
    check(model.finish([y]), [values], kernels=("scalar",))


@pytest.mark.parametrize(("name", "exponent"), [("LOGISTIC", -12), ("LOGISTIC", -11), ("TANH", -12), ("TANH", -11)])
def test_gates_of_old_lstms(name: str, exponent: int) -> None:
    """Of these scales LiteRT has another arithmetic than of all others."""
    model = Model()
    x, y = (
        model.input(ALL.shape, "INT16", Quantized(2.0**exponent)),
        model.tensor(ALL.shape, "INT16", Quantized(2.0**-15)),
    )
    model.operator(name, [x], [y], version=3)
    check(model.finish([y]), [ALL], kernels=("scalar",))


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
@given(
    shapes=broadcast_shapes(), scales=st.tuples(SCALES, SCALES, SCALES), powers=st.booleans(),
    activation=st.sampled_from([NONE, RELU, RELU6, RELU_N1_TO_1]), seed=SEEDS,
)  # fmt: skip
@examples()
def test_two_inputs(
    name: str, shapes: tuple[Shape, Shape], scales: tuple[float, float, float], powers: bool, activation: int, seed: int
) -> None:
    shapes = tuple(shape[-4:] for shape in shapes)  # type: ignore[assignment]
    options = {"MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions"}
    more: dict[str, Any] = {} if name in options else {"fusedActivationFunction": activation}
    if name in options:
        scales = scales[:1] * 3
    if name in ("ADD", "SUB"):
        more["potScaleInt16"] = powers
        if powers:
            scales = (2.0**-10, 2.0**-10, 2.0**-10)
            shapes = (np.broadcast_shapes(*shapes),) * 2  # of others LiteRT dies
    model = Model()
    inputs = [model.input(shape, "INT16", Quantized(scale)) for shape, scale in zip(shapes, scales)]
    y = model.tensor(np.broadcast_shapes(*shapes), "INT16", Quantized(scales[2]))
    model.operator(name, inputs, [y], options.get(name, name.title() + "Options"), version=3, **more)
    check(model.finish([y]), seed=seed, kernels=("scalar",))


@pytest.mark.parametrize(
    ("scales", "values"),
    [
        ((0.0005511821364052594, 0.00019504636293277144, 0.00029729914967902005), (-4421, -6463)),
        ((0.0005777243641205132, 0.00015305164561141282, 0.00035253079840913415), (-16741, 5262)),
        ((0.0005335091263987124, 0.00018034997629001737, 0.0002800684014800936), (8599, -4918)),
        ((0.00057, 6.1e-09, 0.00066), (123, 30000)),
    ],
)
@pytest.mark.parametrize("shapes", [((31,), (31,)), ((1, 2, 37), (2, 37)), ((2, 16), (16,)), ((40, 130), (40, 130))])
def test_sums_that_litert_rounds_otherwise_in_its_loop_of_sixteen(
    scales: tuple[float, float, float], values: tuple[int, int], shapes: tuple[Shape, Shape]
) -> None:
    """One in 100,000 sums is another in LiteRT's vector loop than in what follows it, and in a broadcast."""
    model = Model()
    inputs = [model.input(shape, "INT16", Quantized(scale)) for shape, scale in zip(shapes, scales)]
    y = model.tensor(np.broadcast_shapes(*shapes), "INT16", Quantized(scales[2]))
    model.operator("ADD", inputs, [y], "AddOptions", version=3, potScaleInt16=False)
    data = model.finish([y])
    check(data, [np.full(shape, value, np.int16) for shape, value in zip(shapes, values)], kernels=("scalar",))


@given(shapes=broadcast_shapes(), scales=st.tuples(SCALES, SCALES, SCALES), seed=SEEDS)
@examples()
def test_prelu(shapes: tuple[Shape, Shape], scales: tuple[float, float, float], seed: int) -> None:
    """With int8 slopes: LiteRT reads int16 ones as if they were int8."""
    shape = np.broadcast_shapes(*(shape[-4:] for shape in shapes))
    model = Model()
    inputs = [
        model.input(shape, "INT16", Quantized(scales[0])),
        model.constant(np.random.default_rng(seed).integers(-128, 128, shapes[1][-4:]), "INT8", Quantized(scales[1])),
    ]
    y = model.tensor(shape, "INT16", Quantized(scales[2]))
    model.operator("PRELU", inputs, [y])
    check(model.finish([y]), seed=seed)
