"""What a pass makes of a graph computes the same, with fewer operators."""

from collections.abc import Callable
from itertools import pairwise
from math import prod

import numpy as np
import pytest
from edgequant_runtime import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir
from edgequant_converters.passes import simplify

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
SHAPE = (1, 4, 6, 3)  # channels last

Step = Callable[[Builder, Tensor], Tensor]


def graph_of(shape: tuple[int, ...], build: Step) -> Model:
    graph = Graph(inputs=[Tensor("x", shape)])
    graph.outputs = [build(Builder(graph), graph.inputs[0])]
    return Model([graph], ["x"], ["y"])


def run(model: Model) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=model.main.inputs[0].shape).astype(np.float32)
    return Session(write_ir(model), engine="native").run({"x": x})["y"]


def codes(model: Model) -> list[str]:
    return [operator.code for operator in model.main.operators]


def simplified(shape: tuple[int, ...], build: Step) -> list[str]:
    """Return the operators that are left, after a look at what they compute."""
    before = run(graph_of(shape, build))
    model = graph_of(shape, build)
    simplify(model)
    np.testing.assert_allclose(run(model), before, rtol=1e-5, atol=1e-5)
    return codes(model)


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def channels(b: Builder, *shape: int) -> Tensor:
    return b.constant(weights(*shape))


STEPS: dict[str, Step] = {
    "RELU": lambda b, x: b.unary("RELU", x),
    "ADD": lambda b, x: b.add(x, channels(b, 1, 3, 1, 1)),
    "ADD of a lower rank": lambda b, x: b.add(x, channels(b, 3, 1, 1)),
    "MUL with itself": lambda b, x: b.mul(x, x),
    "PRELU": lambda b, x: b.op("PRELU", [x, channels(b, 3, 1, 1)], x.shape),
    "CONCATENATION": lambda b, x: b.concat([x, b.unary("NEG", x)], 1),
    "PAD": lambda b, x: b.pad(x, [(0, 0), (1, 2), (0, 0), (3, 0)]),
    "PADV2": lambda b, x: b.pad(x, [(0, 0), (1, 2), (0, 0), (3, 0)], 1.5),
    "SLICE": lambda b, x: b.slice(x, (0, 1, 2, 0), (1, 2, 2, 5)),
    "STRIDED_SLICE": lambda b, x: b.strided(x, 2, 3, -1, -1),
    "SUM": lambda b, x: b.reduce("SUM", x, [1], keep=True),
    "MEAN": lambda b, x: b.reduce("MEAN", x, [2, 3], keep=True),
    "REDUCE_MAX": lambda b, x: b.reduce("REDUCE_MAX", x, [1, 2], keep=True),
    "TILE": lambda b, x: b.op("TILE", [x, b.constant([1, 2, 1, 3], np.int32)], (1, 6, 4, 18)),
    "BROADCAST_TO": lambda b, x: b.broadcast_to(b.reduce("MEAN", x, [2, 3], keep=True), (1, 3, 4, 6)),
    "GATHER": lambda b, x: b.gather(x, b.constant([2, 0], np.int32), 1),
    "CUMSUM": lambda b, x: b.op("CUMSUM", [x, b.constant(1, np.int32)], x.shape, exclusive=False, reverse=False),
    "SPLIT": lambda b, x: b.concat(
        b.ops("SPLIT", [b.constant(2, np.int32), x], [((1, 3, 2, 6), "FLOAT32")] * 2, numSplits=2)[::-1], 1
    ),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
def test_transpositions_around_an_operator_vanish(step: Step) -> None:
    left = simplified(SHAPE, lambda b, x: b.transpose(step(b, b.transpose(x, TO_NCHW)), TO_NHWC))
    assert "TRANSPOSE" not in left


DROPPING: dict[str, Step] = {
    "global mean": lambda b, x: b.reduce("MEAN", x, [2, 3], keep=False),
    "mean over channels": lambda b, x: b.transpose(b.reduce("MEAN", x, [1], keep=False), (0, 1, 2)),
    "class of each pixel": lambda b, x: b.cast(
        b.op("ARG_MAX", [x, b.constant(1, np.int32)], (1, 4, 6), "INT32", outputType="INT32"), "FLOAT32"
    ),
    "one channel": lambda b, x: b.gather(x, b.constant(1, np.int32), 1),
    "rows and columns as one axis": lambda b, x: b.transpose(b.reshape(x, (1, 3, 24)), (0, 2, 1)),
    "a dense layer": lambda b, x: b.fully_connected(b.unary("RELU", b.reshape(x, (1, 72))), channels(b, 5, 72)),
}


@pytest.mark.parametrize("step", DROPPING.values(), ids=DROPPING.keys())
def test_what_leaves_the_images_needs_no_transposition(step: Step) -> None:
    assert "TRANSPOSE" not in simplified(SHAPE, lambda b, x: step(b, b.transpose(x, TO_NCHW)))


def test_a_residual_block_stays_channels_last() -> None:
    def convolution(b: Builder, x: Tensor) -> Tensor:
        inputs = [b.transpose(x, TO_NHWC), b.constant(weights(3, 1, 1, 3)), b.constant(weights(3))]
        options = {"padding": "SAME", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        return b.transpose(b.ops("CONV_2D", inputs, [(SHAPE, "FLOAT32")], **options)[0], TO_NCHW)

    def block(b: Builder, x: Tensor) -> Tensor:
        x = b.transpose(x, TO_NCHW)
        inner = b.unary("RELU", convolution(b, x))
        gate = b.unary("LOGISTIC", b.reduce("MEAN", inner, [2, 3], keep=True))
        return b.transpose(b.add(x, b.mul(convolution(b, inner), gate)), TO_NHWC)

    assert simplified(SHAPE, block) == ["CONV_2D", "MEAN", "LOGISTIC", "CONV_2D", "MUL", "ADD"]


def test_padding_comes_right_before_its_layer() -> None:
    left = simplified((1, 3, 4, 6), lambda b, x: b.pad(b.transpose(x, TO_NHWC), [(0, 0), (1, 1), (1, 1), (0, 0)]))
    assert left == ["TRANSPOSE", "PAD"]


def test_factors_and_addends_go_into_the_layer() -> None:
    def layers(b: Builder, x: Tensor) -> Tensor:
        x = b.fully_connected(x, b.constant(weights(5, 3)))
        x = b.sub(b.mul(x, b.constant(weights(5))), b.constant(weights(1, 5)))
        return b.unary("RELU6", b.div(x, b.constant(np.float32(3))))

    assert simplified((2, 3), layers) == ["FULLY_CONNECTED"]


def test_a_cut_transposed_convolution_takes_what_follows_it() -> None:
    def layers(b: Builder, x: Tensor) -> Tensor:
        inputs = [b.constant((1, 9, 13, 5), np.int32), b.constant(weights(5, 3, 3, 3)), x]
        x = b.op("TRANSPOSE_CONV", inputs, (1, 9, 13, 5), "FLOAT32", padding="VALID", strideH=2, strideW=2)
        x = b.slice(x, (0, 1, 1, 0), (1, 8, 12, 5))
        return b.unary("RELU", b.add(b.mul(x, b.constant(weights(5))), b.constant(weights(1, 1, 1, 5))))

    assert simplified(SHAPE, layers) == ["TRANSPOSE_CONV", "SLICE"]


def test_a_reshaped_layer_takes_what_is_for_its_channels_only() -> None:
    def layers(b: Builder, x: Tensor) -> Tensor:
        x = b.reshape(b.fully_connected(x, b.constant(weights(6, 3))), (2, 1, 6))
        x = b.reshape(b.mul(x, b.constant(weights(6))), (2, 3, 2))
        return b.add(x, b.constant(weights(2)))

    assert simplified((2, 3), layers) == ["FULLY_CONNECTED", "RESHAPE", "RESHAPE", "ADD"]


def test_what_others_read_is_not_fused() -> None:
    def layers(b: Builder, x: Tensor) -> Tensor:
        x = b.fully_connected(x, b.constant(weights(5, 3)))
        return b.add(b.unary("RELU", x), b.unary("TANH", x))

    assert simplified((2, 3), layers) == ["FULLY_CONNECTED", "RELU", "TANH", "ADD"]


def test_a_transposed_input_that_is_the_output_stays_an_output() -> None:
    assert simplified(SHAPE, lambda b, x: b.transpose(b.transpose(x, TO_NCHW), TO_NHWC)) == ["RESHAPE"]


@st.composite
def reshapings(draw: st.DrawFn) -> tuple[tuple[int, ...], list[int], list[int]]:
    """Return a shape, an order of its axes, and a shape for what is then transposed."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=2, max_size=5)))
    order = draw(st.permutations(range(len(shape))))
    flat = [factor for axis in order for factor in ([2, 2] if shape[axis] == 4 else [shape[axis]])]
    cuts = sorted(draw(st.sets(st.integers(1, len(flat) - 1), max_size=3)))
    return shape, list(order), [prod(flat[start:end]) for start, end in pairwise([0, *cuts, len(flat)])]


@settings(max_examples=100, deadline=None)
@given(reshapings())
def test_reshaping_transposed_values(case: tuple[tuple[int, ...], list[int], list[int]]) -> None:
    shape, order, wanted = case
    simplified(shape, lambda b, x: b.unary("NEG", b.reshape(b.transpose(x, order), wanted)))


def shuffled(b: Builder, x: Tensor, groups: int) -> Tensor:
    """Mix the channels of a channels-first image, as ShuffleNet does."""
    n, channels, height, width = x.shape
    apart = b.transpose(b.reshape(x, (n, groups, channels // groups, height, width)), (0, 2, 1, 3, 4))
    return b.reshape(apart, x.shape)


def test_a_channel_shuffle_is_one_transposition_of_channels() -> None:
    def network(b: Builder, x: Tensor) -> Tensor:
        for groups in (2, 3):
            x = b.unary("RELU", shuffled(b, b.unary("NEG", x), groups))
        return x

    left = simplified((1, 4, 6, 12), lambda b, x: b.transpose(network(b, b.transpose(x, TO_NCHW)), TO_NHWC))
    assert [code for code in left if code != "RESHAPE"] == ["NEG", "TRANSPOSE", "RELU"] * 2


def test_windows_and_back_are_one_transposition_each() -> None:
    def windows(b: Builder, x: Tensor) -> Tensor:
        """Return the pixels at each place of the 2x2 windows of a channels-first image: (places, windows, channels)."""
        x = b.transpose(b.reshape(x, (3 * 2, 2, 3, 2)), (0, 2, 1, 3))
        x = b.transpose(b.reshape(x, (1, 3, 6, 4)), (0, 3, 2, 1))
        return b.reshape(x, (4, 6, 3))

    def image(b: Builder, x: Tensor) -> Tensor:
        x = b.transpose(b.reshape(x, (1, 4, 6, 3)), (0, 3, 2, 1))
        x = b.transpose(b.reshape(x, (3 * 2, 3, 2, 2)), (0, 2, 1, 3))
        return b.reshape(x, (1, 3, 4, 6))

    def network(b: Builder, x: Tensor) -> Tensor:
        x = b.op("SOFTMAX", [windows(b, b.transpose(x, TO_NCHW))], (4, 6, 3), beta=1.0)
        return b.transpose(image(b, x), TO_NHWC)

    left = simplified(SHAPE, network)
    assert [code for code in left if code != "RESHAPE"] == ["TRANSPOSE", "SOFTMAX", "TRANSPOSE"]


@pytest.mark.parametrize("shape", [(5, 6), (2, 15)])
def test_chains_that_cut_across_what_they_joined_stay(shape: tuple[int, int]) -> None:
    def chain(b: Builder, x: Tensor) -> Tensor:
        x = b.transpose(b.reshape(x, (6, 5)), (1, 0))
        return b.transpose(b.reshape(b.reshape(x, (3, 10)), shape), (1, 0))

    assert "TRANSPOSE" in simplified((5, 6), chain)
