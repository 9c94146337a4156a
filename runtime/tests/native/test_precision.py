"""Layers that compute with float16: their bits, what is converted where, and what cannot be asked for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_runtime import EngineError, Session
from edgequant_runtime._engines._native import computes_float16

from .single_op import NONE, RELU, SAME, Model

CHAIN = 192  # EQ_F16_CHAIN

Floats = NDArray[np.floating]


def product(x: Floats, weights: Floats, bias: Floats) -> NDArray[np.float16]:
    """Return chains of fused multiply-adds in float16, whose sums are added in float32; docs/arithmetic.md."""
    values, factors = x.astype(np.float16).astype(np.float64), weights.astype(np.float16).astype(np.float64)
    depth, total = factors.shape[1], np.zeros((len(values), len(factors)), np.float32)
    for first, end in pairwise([*range(0, depth, CHAIN), depth]):
        chain = np.broadcast_to(bias if first == 0 else np.float32(0), total.shape).astype(np.float16)
        for k in range(first, end):
            chain = (values[:, k, None] * factors[None, :, k] + chain).astype(np.float16)
        total = total + chain.astype(np.float32)
    return total.astype(np.float16)


def layer(model: Model, x: int, depth: int, columns: int, rng: np.random.Generator) -> tuple[int, Floats, Floats]:
    """Add a fully connected layer to a model; return its output, weights and bias."""
    weights = (rng.normal(size=(columns, depth)) / np.sqrt(depth)).astype(np.float32)
    bias = rng.normal(size=columns).astype(np.float32)
    y = model.tensor((3, columns), "FLOAT32")
    inputs = [x, model.constant(weights, "FLOAT32"), model.constant(bias, "FLOAT32")]
    model.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=2, fusedActivationFunction=NONE)
    return y, weights, bias


@pytest.mark.parametrize("depth", [1, 7, CHAIN, CHAIN + 1, 3 * CHAIN])
def test_a_layer_has_the_specified_bits(depth: int) -> None:
    rng = np.random.default_rng(depth)
    model = Model()
    y, weights, bias = layer(model, model.input((3, depth), "FLOAT32"), depth, 21, rng)
    x = rng.normal(size=(3, depth)).astype(np.float32)
    (output,) = Session(model.finish([y]), precision="float16").run(x).values()
    assert output.dtype == np.float32
    assert output.tobytes() == product(x, weights, bias).astype(np.float32).tobytes()


@pytest.mark.parametrize("slot", ["weights", "bias"])
def test_a_layer_with_constants_past_float16_is_computed_in_float32(slot: str) -> None:
    rng = np.random.default_rng(0)
    model = Model()
    x, y = model.input((3, 8), "FLOAT32"), model.tensor((3, 4), "FLOAT32")
    weights, bias = rng.normal(size=(4, 8)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    (weights[1] if slot == "weights" else bias)[2] = 65520
    inputs = [x, model.constant(weights, "FLOAT32"), model.constant(bias, "FLOAT32")]
    model.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=2, fusedActivationFunction=NONE)
    data, values = model.finish([y]), rng.normal(size=(3, 8)).astype(np.float32)
    (found,), (expected,) = (
        Session(data, engine="native", precision=precision).run(values).values() for precision in ("float16", "float32")
    )
    assert np.isfinite(found).all() and found.tobytes() == expected.tobytes()
    assert "1 layer has weights or biases past 65504" in str(Session(data, precision="float16").fallback_reason)


def test_values_between_layers_are_float16() -> None:
    rng = np.random.default_rng(1)
    model = Model()
    first, weights, bias = layer(model, model.input((3, 20), "FLOAT32"), 20, 16, rng)
    summed = model.tensor((3, 16), "FLOAT32")
    offsets = rng.normal(size=(3, 16)).astype(np.float32)
    model.operator("ADD", [first, model.constant(offsets, "FLOAT32")], [summed], "AddOptions", version=1)
    last, other_weights, other_bias = layer(model, summed, 16, 5, rng)
    x = rng.normal(size=(3, 20)).astype(np.float32)
    (output,) = Session(model.finish([last]), precision="float16").run(x).values()
    middle = product(x, weights, bias).astype(np.float64) + offsets.astype(np.float16).astype(np.float64)
    expected = product(middle.astype(np.float16), other_weights, other_bias)
    assert output.tobytes() == expected.astype(np.float32).tobytes()


def network(seed: int, size: int = 12) -> tuple[bytes, NDArray[np.float32]]:
    """Return convolutions with a sum, a pool in float32 between them, and a softmax; and an input."""
    rng = np.random.default_rng(seed)
    model = Model()

    def convolution(x: int, channels: int, columns: int, size: int, *, depthwise: bool = False) -> int:
        shape = (1, 3, 3, columns) if depthwise else (columns, 3, 3, channels)
        weights = rng.normal(size=shape) / np.sqrt(9 if depthwise else 9 * channels)
        y = model.tensor((1, size, size, columns), "FLOAT32")
        bias = model.constant(rng.normal(size=columns) / 4, "FLOAT32")
        fields = {"fusedActivationFunction": RELU, "padding": SAME, "strideH": 1, "strideW": 1}
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        options = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        if depthwise:
            fields["depthMultiplier"] = 1
        model.operator(name, [x, model.constant(weights, "FLOAT32"), bias], [y], options, version=2, **fields)
        return y

    x = model.input((1, size, size, 3), "FLOAT32")
    a = convolution(x, 3, 24, size)
    b = convolution(a, 24, 24, size, depthwise=True)
    summed = model.tensor((1, size, size, 24), "FLOAT32")
    model.operator("ADD", [a, b], [summed], "AddOptions", version=1)
    pooled = model.tensor((1, size // 2, size // 2, 24), "FLOAT32")
    pool = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": SAME}
    model.operator("MAX_POOL_2D", [summed], [pooled], "Pool2DOptions", version=1, **pool)
    c = convolution(pooled, 24, 7, size // 2)
    output = model.tensor((1, size // 2, size // 2, 7), "FLOAT32")
    model.operator("SOFTMAX", [c], [output], "SoftmaxOptions", version=1, beta=1.0)
    return model.finish([summed, output]), rng.normal(size=(1, size, size, 3)).astype(np.float32)


def test_a_network_loses_little_and_keeps_its_edges() -> None:
    content, x = network(2)
    plain, half = Session(content, engine="native"), Session(content, precision="float16")
    assert half.engine == "native" and half.precision == "float16" and plain.precision == "float32"
    assert [(info.name, info.dtype) for info in half.outputs] == [(info.name, info.dtype) for info in plain.outputs]
    for exact, rounded in zip(plain.run(x).values(), half.run(x).values()):
        noise = np.sum((exact - rounded) ** 2) / np.sum(exact**2)
        assert 1e-9 < noise < 1e-5  # 50 dB or more; were it float32 all along, there would be none


def test_threads_and_clones_have_the_same_bits() -> None:
    content, x = network(3)
    session = Session(content, precision="float16", threads=1)
    bits = [output.tobytes() for output in session.run(x).values()]
    for other in (session.clone(), Session(content, precision="float16", threads=3)):
        assert [output.tobytes() for output in other.run(x).values()] == bits


def test_converts_at_the_borders_of_islands_only() -> None:
    content, x = network(4)
    session = Session(content, precision="float16", profile=True)
    session.run(x)
    names = [step.operators for step in session.profile()]
    # Before each of the two convolutions, before the pool and the softmax, and what the graph gives out.
    assert names.count("CONV_2D") == 2 + 2
    assert names.count("MAX_POOL_2D") == names.count("SOFTMAX") == 1 + 1
    assert names.count("DEPTHWISE_CONV_2D") == names.count("ADD") == names.count("edge") == 1


def test_says_where_it_is_imitated() -> None:
    reason = Session(network(5)[0], precision="float16").fallback_reason
    assert (reason is None) == computes_float16()
    assert computes_float16() or "imitated" in str(reason)


def test_refuses_what_has_no_float16() -> None:
    content, _ = network(6)
    with pytest.raises(EngineError, match="no precision 'half': choose float32 or float16"):
        Session(content, precision="half")
    with pytest.raises(EngineError, match="not of the engine 'litert'"):
        Session(content, engine="litert", precision="float16")


def test_a_mask_of_the_least_float_stays_a_number() -> None:
    rng = np.random.default_rng(8)
    model = Model()
    first, weights, bias = layer(model, model.input((3, 9), "FLOAT32"), 9, 4, rng)
    masked = model.tensor((3, 4), "FLOAT32")
    mask = np.array([[0, 0, 0, -3.4e38]] * 2 + [[-3.4e38] * 4], np.float32)
    model.operator("MAXIMUM", [first, model.constant(mask, "FLOAT32")], [masked], "MaximumMinimumOptions")
    added = model.tensor((3, 4), "FLOAT32")
    model.operator("MINIMUM", [masked, model.constant(mask, "FLOAT32")], [added], "MaximumMinimumOptions")
    (output,) = Session(model.finish([added]), precision="float16").run(np.ones((3, 9), np.float32)).values()
    assert output.min() == -65504 and np.isfinite(output).all()
    assert product(np.ones((3, 9)), weights, bias).shape == output.shape


@pytest.mark.parametrize("largest", [1.0, 20000.0, 40000.0, 65504.0])
@pytest.mark.parametrize("largest_weight", [1.0, 29000.0, 40000.0])
def test_winograd_is_finite_where_the_taps_one_after_the_other_are(largest: float, largest_weight: float) -> None:
    """Its points are up to 4 times an input and 9/4 of a weight; where that is too much, outputs come without."""
    rng = np.random.default_rng(9)
    model, (size, channels, columns) = Model(), (9, 8, 16)  # 9: the last tiles have one row or column of outputs
    weights = rng.normal(size=(columns, 3, 3, channels)) * 1e-3
    weights[3, 1, 1, 2] = largest_weight  # of a channel that is small
    x = rng.normal(size=(1, size, size, channels)).astype(np.float32) * [1, 1, 1e-4, 1, 1, 1, 1, 1]
    x[0, 2:6, 3:7, 1] = largest * np.where(np.indices((4, 4)).sum(axis=0) % 2, 1, -1)
    y = model.tensor((1, size, size, columns), "FLOAT32")
    inputs = [model.input(x.shape, "FLOAT32"), model.constant(weights.astype(np.float32), "FLOAT32")]
    inputs.append(model.constant(rng.normal(size=columns).astype(np.float32), "FLOAT32"))
    fields = {"fusedActivationFunction": RELU, "padding": SAME, "strideH": 1, "strideW": 1}
    model.operator("CONV_2D", inputs, [y], "Conv2DOptions", version=2, **fields)
    content = model.finish([y])
    (half,), (exact,) = (
        Session(content, engine="native", precision=precision, threads=threads).run(x.astype(np.float32)).values()
        for precision, threads in (("float16", 2), ("float32", 1))
    )
    assert np.isfinite(half).all()
    assert np.abs(half - exact).max() <= 2**-7 * max(1, exact.max())
