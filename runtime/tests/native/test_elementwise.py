"""Elementwise operators, softmax and normalization against LiteRT, bit for bit.

Where XNNPACK does not take the scales, far apart as they are, and LiteRT's default kernels round or overflow in their
own way, its reference kernels are the oracle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import check, run_litert, run_native, seeded_inputs
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, Model, Quantized

pytestmark = pytest.mark.slow

Shape = tuple[int, ...]

ACTIVATIONS = st.sampled_from([NONE, RELU, RELU_N1_TO_1, RELU6])
SEEDS = st.integers(0, 2**32 - 1)
TYPES = st.sampled_from(["INT8", "INT8", "UINT8"])
# Powers of two make ties in roundings.
SCALES = st.one_of(st.floats(2**-10, 1, width=32), st.sampled_from([2.0**e for e in range(-9, 1)]))
ZERO_POINTS = st.one_of(st.integers(-128, 127), st.sampled_from([-128, 0, 127]))
QUANTIZATIONS = st.builds(Quantized, SCALES, ZERO_POINTS)
ALL_VALUES = np.arange(-128, 128, dtype=np.int8).reshape(1, 4, 8, 8)

BINARY = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "SQUARED_DIFFERENCE": None,
    "PRELU": None,
}


def scale_of(quantized: Quantized) -> float:
    return float(np.asarray(quantized.scale))


def in_type(quantized: Quantized, type_: str) -> Quantized:
    return quantized if type_ == "INT8" else Quantized(quantized.scale, np.asarray(quantized.zero_point) + 128)


@st.composite
def broadcast_shapes(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Two shapes of up to 7 dimensions that broadcast; often those of residuals and of squeeze-and-excite."""
    if draw(st.booleans()):
        n, h, w = (draw(st.integers(1, 4)) for _ in range(3))
        c = draw(st.sampled_from([1, 2, 3, 7, 8, 16, 33, 300]))
        full = (n, h, w, c)
        others: list[Shape] = [full, (n, 1, 1, c), (1, 1, 1, c), (c,), (n, h, w, 1), (1,), (), (1, h, 1, c), (h, w, c)]
        a, b = full, draw(st.sampled_from(others))
    else:
        shape = draw(st.lists(st.integers(1, 5), max_size=7))
        a, b = draw(parts_of(shape)), draw(parts_of(shape))
    return (a, b) if draw(st.booleans()) else (b, a)


@st.composite
def parts_of(draw: st.DrawFn, shape: list[int]) -> Shape:
    """A shape that broadcasts to `shape`: without some leading dimensions, with 1 in place of some others."""
    sizes = shape[draw(st.integers(0, len(shape))) :]
    return tuple(draw(st.sampled_from([size, size, size, 1])) for size in sizes)


def takes(name: str, a: float, b: float, out: float) -> bool:
    """Whether XNNPACK takes ADD, SUB and MUL with these scales."""
    if name == "MUL":
        return bool(2**-16 <= np.float32(a) * np.float32(b) / np.float32(out) < 2**8)
    return all(2**-10 <= np.float32(scale) / np.float32(out) < 2**8 for scale in (a, b))


@pytest.mark.parametrize("name", list(BINARY))
@given(
    type_=TYPES,
    shapes=broadcast_shapes(),
    quantizations=st.tuples(QUANTIZATIONS, QUANTIZATIONS, QUANTIZATIONS),
    activation=ACTIVATIONS,
    constant=st.sampled_from([None, 0, 1]),
    seed=SEEDS,
)
@examples()
def test_two_inputs(
    name: str,
    type_: str,
    shapes: tuple[Shape, Shape],
    quantizations: tuple[Quantized, Quantized, Quantized],
    activation: int,
    constant: int | None,
    seed: int,
) -> None:
    output_shape = np.broadcast_shapes(*shapes)
    assume(name != "PRELU" or (output_shape == shapes[0] and constant != 0))
    assume(name != "SQUARED_DIFFERENCE" or type_ == "INT8")
    assume(len(shapes[0]) == len(shapes[1]) or np.prod(output_shape) > 1)  # LiteRT drops dimensions of 1 there
    if name in ("MAXIMUM", "MINIMUM"):  # they compare the numbers
        quantizations = (quantizations[0],) * 3
    scales = [scale_of(quantized) for quantized in quantizations]
    assume(name not in ("PRELU", "SQUARED_DIFFERENCE") or max(scales[:2]) < 200 * scales[2])

    model, rng = Model(), np.random.default_rng(seed)
    inputs = []
    for index in range(2):
        quantized = in_type(quantizations[index], type_)
        if constant == index:
            values = rng.integers(0, 256, shapes[index]) + (0 if type_ == "UINT8" else -128)
            inputs.append(model.constant(values, type_, quantized))
        else:
            inputs.append(model.input(shapes[index], type_, quantized))
    output = model.tensor(output_shape, type_, in_type(quantizations[2], type_))
    options: dict[str, Any] = {"fusedActivationFunction": activation} if name in ("ADD", "SUB", "MUL") else {}
    model.operator(name, inputs, [output], BINARY[name], version=1 if name == "PRELU" else 2, **options)
    within = takes(name, *scales) and len(output_shape) <= 6
    check(
        model.finish([output]),
        resolver="default" if within or name not in ("ADD", "SUB", "MUL") else "reference",
        seed=seed,
    )


UNARY_UINT8 = [
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "RELU_0_TO_1",
    "LEAKY_RELU",
    "LOGISTIC",
    "TANH",
    "HARD_SWISH",
    "QUANTIZE",
]
UNARY = [*UNARY_UINT8, "ELU", "GELU", "ABS", "NEG", "EXP", "RSQRT", "SQRT", "LOG"]


@pytest.mark.parametrize("name", UNARY)
@given(
    type_=TYPES,
    quantized=QUANTIZATIONS,
    result=QUANTIZATIONS,
    alpha=st.one_of(st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.3, -0.5, 1.5]), st.floats(-2, 2, width=32)),
    approximate=st.booleans(),
)
@examples()
def test_one_input(
    name: str, type_: str, quantized: Quantized, result: Quantized, alpha: float, approximate: bool
) -> None:
    assume(type_ == "INT8" or name in UNARY_UINT8)
    scale, result_scale = scale_of(quantized), scale_of(result)
    if name in ("RSQRT", "SQRT", "LOG"):  # of nothing negative
        quantized = Quantized(scale, -128)
    if name == "EXP":  # LiteRT overflows where e^x does not fit an int32
        quantized = Quantized(min(scale, 0.05), quantized.zero_point)
    if name == "HARD_SWISH":  # LiteRT refuses, or shifts 16 bits by more than 16
        assume(2**-7 < scale / result_scale < 100)
    options: dict[str, Any] = {}
    if name == "LEAKY_RELU":
        options = {"options": "LeakyReluOptions", "alpha": alpha}
    if name == "GELU":
        options = {"options": "GeluOptions", "approximate": approximate}

    model = Model()
    x = model.input(ALL_VALUES.shape, type_, in_type(quantized, type_))
    y = model.tensor(ALL_VALUES.shape, type_, in_type(result, type_))
    model.operator(name, [x], [y], **options)
    values = ALL_VALUES if type_ == "INT8" else (ALL_VALUES.astype(np.int32) + 128).astype(np.uint8)
    within = name != "QUANTIZE" or 2**-8 <= scale / result_scale <= 2**7
    check(model.finish([y]), [values], resolver="default" if within else "reference")


@pytest.mark.parametrize("name", ["SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"])
@given(
    type_=TYPES,
    shape=st.builds(
        lambda outer, depth: (*outer, depth),
        st.lists(st.integers(1, 3), max_size=3),
        st.one_of(st.integers(1, 40), st.sampled_from([256, 257, 1000])),
    ),
    quantized=QUANTIZATIONS,
    beta=st.sampled_from([1.0, 1.0, 0.5, 2.0]),
    spread=st.sampled_from([2, 20, 1000]),
    seed=SEEDS,
)
@examples()
def test_along_the_last_dimension(
    name: str, type_: str, shape: Shape, quantized: Quantized, beta: float, spread: int, seed: int
) -> None:
    results = {"SOFTMAX": (1 / 256, -128), "LOG_SOFTMAX": (16 / 256, 127), "L2_NORMALIZATION": (1 / 128, 0)}
    rng = np.random.default_rng(seed)
    values = np.clip(np.rint(rng.normal(0, spread, shape)), -128, 127)
    model = Model()
    x = model.input(shape, type_, in_type(quantized, type_))
    y = model.tensor(shape, type_, in_type(Quantized(*results[name]), type_))
    if name == "SOFTMAX":
        model.operator(name, [x], [y], "SoftmaxOptions", beta=beta)
    elif name == "LOG_SOFTMAX":
        model.operator(name, [x], [y], "LogSoftmaxOptions")
    else:
        model.operator(name, [x], [y], "L2NormOptions")
    stored = values.astype(np.int8) if type_ == "INT8" else (values + 128).astype(np.uint8)
    check(model.finish([y]), [stored])


@given(
    type_=TYPES,
    shape=st.tuples(st.integers(1, 3), st.sampled_from([1, 2, 7, 300])),
    quantized=QUANTIZATIONS,
    beta=st.sampled_from([0.5, 1.0, 2.0]),
    result=st.sampled_from([(1 / 65536, -32768), (1 / 65535, -32768), (1 / 32768, 0)]),
    seed=SEEDS,
)
@examples()
def test_softmax_to_int16(
    type_: str, shape: Shape, quantized: Quantized, beta: float, result: tuple[float, int], seed: int
) -> None:
    model = Model()
    x = model.input(shape, type_, in_type(quantized, type_))
    y = model.tensor(shape, "INT16", Quantized(*result))
    model.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=3, beta=beta)
    check(model.finish([y]), seed=seed)


@given(
    name=st.sampled_from(["ADD", "MUL", "MAXIMUM", "LOGISTIC", "LEAKY_RELU"]),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 3, 8, 16, 20]),
    kernel=st.sampled_from([1, 3, 5]),
    batch=st.integers(1, 2),
    seed=SEEDS,
)
@examples()
def test_between_convolutions(
    name: str, height: int, width: int, channels: int, kernel: int, batch: int, seed: int
) -> None:
    """Tensors with padding around them on both sides: conv -> operator -> conv."""
    rng = np.random.default_rng(seed)
    model, shape = Model(), (batch, height, width, channels)
    scale = 0.02

    def convolve(source: int) -> int:
        target = model.tensor(shape, "INT8", Quantized(0.05, 3))
        weights = rng.integers(-127, 128, (channels, kernel, kernel, channels))
        bias = model.constant(np.zeros(channels), "INT32", Quantized(0.01 * scale))
        filters = model.constant(weights, "INT8", Quantized(0.01))
        options = {"padding": SAME, "strideW": 1, "strideH": 1}
        model.operator("CONV_2D", [source, filters, bias], [target], "Conv2DOptions", version=3, **options)
        return target

    first = convolve(model.input(shape, "INT8", Quantized(scale, -5)))
    y = model.tensor(shape, "INT8", Quantized(0.05, 3) if name == "MAXIMUM" else Quantized(1 / 256, -128))
    if name in ("LOGISTIC", "LEAKY_RELU"):
        model.operator(name, [first], [y], "LeakyReluOptions" if name == "LEAKY_RELU" else None)
    elif name == "MUL":
        factor = model.input((batch, 1, 1, channels), "INT8", Quantized(1 / 256, -128))
        model.operator(name, [first, factor], [y], "MulOptions")
    else:
        model.operator(name, [first, convolve(first)], [y], BINARY[name])
    check(model.finish([convolve(y), first]), seed=seed)


@given(
    steps=st.lists(
        st.sampled_from(["RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "ADD", "MUL", "SUB", "AGAIN"]), min_size=2
    ),
    scale=st.floats(0.01, 0.1),
    seed=SEEDS,
)
@examples()
def test_functions_of_one_tensor(steps: list[str], scale: float, seed: int) -> None:
    """Chains such as x * sigmoid(x) and x * relu6(x + 3) / 6, which the engine runs as one table."""
    rng = np.random.default_rng(seed)
    model, shape = Model(), (1, 3, 5, 16)
    made = [model.input(shape, "INT8", Quantized(scale, int(rng.integers(-20, 20))))]
    for name in steps:
        kind = {"LOGISTIC": Quantized(1 / 256, -128), "TANH": Quantized(1 / 128, 0)}
        y = model.tensor(shape, "INT8", kind.get(name, Quantized(scale, int(rng.integers(-20, 20)))))
        if name == "AGAIN":
            model.operator("MUL", [made[int(rng.integers(len(made)))], made[-1]], [y], "MulOptions")
        elif name in BINARY:
            constant = model.constant(rng.integers(-128, 128, (1,)), "INT8", Quantized(scale))
            order = [made[-1], constant] if rng.integers(2) else [constant, made[-1]]
            model.operator(name, order, [y], BINARY[name])
        else:
            model.operator(name, [made[-1]], [y])
        made.append(y)
    check(model.finish([made[-1], made[len(made) // 2]]), seed=seed)


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "MAXIMUM", "SQUARED_DIFFERENCE"])
@given(type_=TYPES, quantized=QUANTIZATIONS, result=QUANTIZATIONS, activation=ACTIVATIONS)
@examples()
def test_a_tensor_with_itself(name: str, type_: str, quantized: Quantized, result: Quantized, activation: int) -> None:
    """XNNPACK makes a square of MUL, which rounds otherwise."""
    assume(name != "SQUARED_DIFFERENCE" or type_ == "INT8")
    scale = scale_of(quantized)
    result = quantized if name == "MAXIMUM" else result
    assume(takes(name, scale, scale, scale_of(result)))
    model = Model()
    x = model.input(ALL_VALUES.shape, type_, in_type(quantized, type_))
    y = model.tensor(ALL_VALUES.shape, type_, in_type(result, type_))
    options: dict[str, Any] = {"fusedActivationFunction": activation} if name in ("ADD", "SUB", "MUL") else {}
    model.operator(name, [x, x], [y], BINARY[name], version=2, **options)
    values = ALL_VALUES if type_ == "INT8" else (ALL_VALUES.astype(np.int32) + 128).astype(np.uint8)
    check(model.finish([y]), [values])


FLOAT_UNARY = [
    *("ABS", "NEG", "EXP", "SQUARE", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "ELU", "LOGISTIC"),
    *("TANH", "HARD_SWISH", "GELU", "FLOOR", "CEIL", "ROUND", "SIN", "COS", "SQRT", "RSQRT", "LOG"),
    *("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"),
]


@pytest.mark.parametrize("name", FLOAT_UNARY)
def test_one_float_input(name: str) -> None:
    options = {"LEAKY_RELU": "LeakyReluOptions", "GELU": "GeluOptions", "SOFTMAX": "SoftmaxOptions"}
    fields: dict[str, Any] = {"LEAKY_RELU": {"alpha": 0.1}, "SOFTMAX": {"beta": 1.0}}.get(name, {})
    model = Model()
    x, y = model.input((2, 5, 11), "FLOAT32"), model.tensor((2, 5, 11), "FLOAT32")
    option_table = "L2NormOptions" if name == "L2_NORMALIZATION" else options.get(name)
    model.operator(name, [x], [y], option_table, **fields)
    value = np.random.default_rng(0).normal(0, 3, (2, 5, 11)).astype(np.float32)
    assert_close(model.finish([y]), [np.abs(value) + 0.01 if name in ("SQRT", "RSQRT", "LOG") else value])


@pytest.mark.parametrize(("name", "function"), [("SIN", np.sin), ("COS", np.cos)])
def test_sines_of_large_numbers(name: str, function: np.ufunc) -> None:
    """Of all sizes that float32 has, and of the one that is nearest to a quarter of a turn."""
    bits = np.random.default_rng(0).integers(0x48000000, 0x7F800000, 4000).astype(np.uint32).view(np.float32)
    values = np.concatenate([bits, -bits, np.array([2.0**20, 16367173 * 2.0**72], np.float32)])
    model = Model()
    x, y = model.input(values.shape, "FLOAT32"), model.tensor(values.shape, "FLOAT32")
    model.operator(name, [x], [y])
    (found,) = run_native(model.finish([y]), [values])
    assert np.array_equal(found, function(values.astype(np.float64)).astype(np.float32))


@given(
    name=st.sampled_from([*BINARY, "DIV", "FLOOR_DIV", "FLOOR_MOD"]),
    shapes=broadcast_shapes(),
    activation=ACTIVATIONS,
    seed=SEEDS,
)
@examples()
def test_two_float_inputs(name: str, shapes: tuple[Shape, Shape], activation: int, seed: int) -> None:
    output_shape = np.broadcast_shapes(*shapes)
    assume(name != "PRELU" or output_shape == shapes[0])
    assume(len(output_shape) <= 4)  # LiteRT's limit for some
    model = Model()
    x, y = (model.input(shape, "FLOAT32") for shape in shapes)
    z = model.tensor(output_shape, "FLOAT32")
    fused = name in ("ADD", "SUB", "MUL", "DIV")
    options = "DivOptions" if name == "DIV" else BINARY.get(name)
    model.operator(name, [x, y], [z], options, **({"fusedActivationFunction": activation} if fused else {}))
    rng = np.random.default_rng(seed)
    values = [rng.normal(0, 3, shape).astype(np.float32) for shape in shapes]
    assert_close(model.finish([z]), values)


@given(
    name=st.sampled_from(["ADD", "SUB", "MUL", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM"]),
    type_=st.sampled_from(["INT32", "INT64"]),
    shapes=broadcast_shapes(),
    seed=SEEDS,
)
@examples()
def test_two_integer_inputs(name: str, type_: str, shapes: tuple[Shape, Shape], seed: int) -> None:
    output_shape = np.broadcast_shapes(*shapes)
    assume(len(output_shape) <= 4 and not (name in ("DIV", "FLOOR_DIV") and type_ == "INT64"))  # LiteRT's limits
    model = Model()
    x, y = (model.input(shape, type_) for shape in shapes)
    z = model.tensor(output_shape, type_)
    model.operator(name, [x, y], [z], "DivOptions" if name == "DIV" else BINARY.get(name))
    rng = np.random.default_rng(seed)
    dtype = np.int32 if type_ == "INT32" else np.int64
    values = [np.asarray(rng.integers(-1000, 1000, shape), dtype) for shape in shapes]
    values[1] = np.where(values[1] == 0, np.asarray(7, dtype), values[1])
    check(model.finish([z]), values)


def assert_close(data: bytes, inputs: list[NDArray[Any]]) -> None:
    """Floats may differ in their last bits: LiteRT's functions approximate."""
    expected, found = run_litert(data, inputs)[0], run_native(data, inputs)[0]
    assert expected.shape == found.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_seeded_inputs_reach_the_extremes() -> None:
    """Saturation is tested by what `check` feeds."""
    model = Model()
    x, y = model.input((1000,), "INT8", Quantized(0.1)), model.tensor((1000,), "INT8", Quantized(0.1))
    model.operator("RELU", [x], [y])
    (values,) = seeded_inputs(model.finish([y]))
    assert values.min() == -128 and values.max() == 127
