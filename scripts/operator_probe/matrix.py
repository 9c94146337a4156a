"""Cases of convolutions, products, pooling, resizing, recurrent layers and transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from single_op import SAME, Quantized

from .case import Case, Maker, NoSuchModelError, One

FLOAT = "FLOAT32"


def weights(m: One, kind: str, shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """Weights of a kind, with a scale for each channel where they are quantized, and a bias for them."""
    n, floats = shape[axis], m.kind == FLOAT
    scales = m.rng.uniform(0.01, 0.02, n)
    if kind == "UINT8":
        w = m.w(shape, kind, Quantized(0.015, 120))
        bias = Quantized(np.float32(0.015) * np.float32(0.05))
    elif kind in ("INT8", "INT4"):
        w = m.w(
            shape,
            kind,
            Quantized(scales, np.zeros(n), axis),
            low=-7 if kind == "INT4" else -127,
            high=7 if kind == "INT4" else 127,
        )
        bias = Quantized(scales.astype(np.float32) * np.float32(0.0005 if m.kind == "INT16" else 0.05), np.zeros(n))
    else:
        w, bias = m.w(shape, kind), None
    wide = "INT64" if m.kind == "INT16" else "INT32"
    return w, m.w((n,), FLOAT) if floats else m.c(m.rng.integers(-900, 900, n), wide, bias)


def conv(kind: str | None = None, channels: int = 8, **fields: Any) -> Maker:
    def make(m: One) -> Case:
        w, b = weights(m, kind or m.kind, (5, 3, 3, channels), 0)
        options = {"padding": SAME, "strideW": 1, "strideH": 1, **fields}
        return m.case([m.x((1, 6, 7, 8)), w, b], m.y((1, 6, 7, 5)), "Conv2DOptions", **options)

    return make


def depthwise(kind: str | None = None) -> Maker:
    def make(m: One) -> Case:
        w, b = weights(m, kind or m.kind, (1, 3, 3, 8), 3)
        options: dict[str, Any] = {"padding": SAME, "strideW": 1, "strideH": 1, "depthMultiplier": 1}
        return m.case([m.x((1, 6, 7, 8)), w, b], m.y((1, 6, 7, 8)), "DepthwiseConv2DOptions", **options)

    return make


def fully_connected(kind: str | None = None, **fields: Any) -> Maker:
    def make(m: One) -> Case:
        w, b = weights(m, kind or m.kind, (6, 32), 0)
        return m.case([m.x((3, 32)), w, b], m.y((3, 6)), "FullyConnectedOptions", **fields)

    return make


def transpose_conv(kind: str | None = None) -> Maker:
    def make(m: One) -> Case:
        w, b = weights(m, kind or m.kind, (5, 3, 3, 4), 0)
        options: dict[str, Any] = {"padding": SAME, "strideW": 2, "strideH": 2}
        return m.case(
            [m.c([1, 8, 10, 5]), w, m.x((1, 4, 5, 4)), b], m.y((1, 8, 10, 5)), "TransposeConvOptions", **options
        )

    return make


def batch_matmul(kind: str | None = None) -> Maker:
    def make(m: One) -> Case:
        other = m.x((2, 6, 5)) if kind is None else m.w((2, 6, 5), kind, Quantized(0.02))
        return m.case([m.x((2, 4, 6)), other], m.y((2, 4, 5)), "BatchMatMulOptions")

    return make


def conv_3d(m: One) -> Case:
    options: dict[str, Any] = {"padding": SAME, "strideD": 1, "strideW": 1, "strideH": 1}
    return m.case(
        [m.x((1, 3, 4, 5, 2)), m.w((2, 2, 2, 2, 3)), m.w((3,))], m.y((1, 3, 4, 5, 3)), "Conv3DOptions", **options
    )


def conv_3d_transpose(m: One) -> Case:
    options: dict[str, Any] = {"padding": SAME, "strideD": 1, "strideW": 1, "strideH": 1}
    inputs = [m.c([1, 3, 4, 5, 3]), m.w((2, 2, 2, 3, 2)), m.x((1, 3, 4, 5, 2)), m.w((3,))]
    return m.case(inputs, m.y((1, 3, 4, 5, 3)), "Conv3DOptions", **options)


def pool(m: One) -> Case:
    options: dict[str, Any] = {"padding": SAME, "strideW": 2, "strideH": 2, "filterWidth": 3, "filterHeight": 3}
    return m.case([m.x((1, 7, 8, 6), same=True)], m.y((1, 4, 4, 6)), "Pool2DOptions", **options)


def resize(options: str) -> Maker:
    return lambda m: m.case(
        [m.x((1, 4, 5, 6), same=True), m.c([7, 9])], m.y((1, 7, 9, 6)), options, halfPixelCenters=True
    )


def lrn(m: One) -> Case:
    return m.case([m.x()], m.y(), "LocalResponseNormalizationOptions", radius=2, bias=1.0, alpha=0.5, beta=0.5)


def variable(m: One, shape: tuple[int, ...], kind: str | None = None) -> int:
    return m.model.tensor(shape, kind or m.kind, variable=True)


def rnn(m: One) -> Case:
    inputs = [m.x((2, 5)), m.w((4, 5)), m.w((4, 4)), m.w((4,)), variable(m, (2, 4))]
    return m.case(inputs, m.y((2, 4)), "RNNOptions", fusedActivationFunction=4)


def sequence_rnn(m: One) -> Case:
    inputs = [m.x((2, 3, 5)), m.w((4, 5)), m.w((4, 4)), m.w((4,)), variable(m, (2, 4))]
    return m.case(inputs, m.y((2, 3, 4)), "SequenceRNNOptions", fusedActivationFunction=4)


def bidirectional_rnn(m: One) -> Case:
    def cell() -> list[int]:
        return [m.w((4, 5)), m.w((4, 4)), m.w((4,)), variable(m, (2, 4))]

    inputs = [m.x((2, 3, 5)), *cell(), *cell(), -1, -1, -1]
    return m.case(
        inputs, m.y((2, 3, 8)), "BidirectionalSequenceRNNOptions", fusedActivationFunction=4, mergeOutputs=True
    )


def lstm(
    kind: str | None = None, shape: tuple[int, ...] = (2, 3, 5), options: str = "UnidirectionalSequenceLSTMOptions"
) -> Maker:
    def make(m: One) -> Case:
        def w(n: int) -> int:
            return m.w((4, n), kind or m.kind, Quantized(0.01) if kind else None)

        gates = [w(5) for _ in range(4)] + [w(4) for _ in range(4)]
        biases = [m.w((4,)) for _ in range(4)]
        state = [variable(m, (2, 4)), variable(m, (2, 4))]
        inputs = [m.x(shape), *gates, -1, -1, -1, *biases, -1, -1, *state]
        inputs += [-1, -1, -1, -1] if len(shape) == 3 else []
        return m.case(inputs, m.y((*shape[:-1], 4)), options, fusedActivationFunction=4)

    return make


def basic_lstm(m: One) -> Case:
    """Of the kernel of older networks: float32, or uint8 with a state of int16."""
    if m.kind not in ("FLOAT32", "UINT8"):
        raise NoSuchModelError
    quantized = m.kind == "UINT8"
    state, bias = ("INT16", "INT32") if quantized else (m.kind, m.kind)
    values, of_state = (Quantized(1 / 128, 128), Quantized(2.0**-11)) if quantized else (None, None)
    of_weights, of_bias = (Quantized(0.01, 120), Quantized(0.01 / 128)) if quantized else (None, None)
    weights = [m.w((16, 9), q=of_weights), m.w((16,), bias, of_bias, -99, 99)]
    inputs = [m.x((2, 5), q=values), m.x((2, 4), q=values), *weights, m.x((2, 4), state, q=of_state)]
    shapes = ((4, m.kind, values), (4, state, of_state), (9, m.kind, values), (16, state, of_state))
    outputs = [m.y((2, size), kind, q) for size, kind, q in shapes]
    return m.case(inputs, outputs, "LSTMOptions", version=2, kernelType=1, fusedActivationFunction=4)


def bidirectional_lstm(kind: str | None = None) -> Maker:
    def make(m: One) -> Case:
        def w(n: int) -> int:
            return m.w((4, n), kind or m.kind, Quantized(0.01) if kind else None)

        def cell() -> list[int]:
            gates = [w(5) for _ in range(4)] + [w(4) for _ in range(4)]
            return [*gates, -1, -1, -1, *(m.w((4,)) for _ in range(4)), -1, -1]

        inputs = [m.x((2, 3, 5)), *cell(), *cell(), *(variable(m, (2, 4)) for _ in range(4)), *([-1] * 9)]
        options = "BidirectionalSequenceLSTMOptions"
        return m.case(inputs, [m.y((2, 3, 4)), m.y((2, 3, 4))], options, fusedActivationFunction=4, timeMajor=False)

    return make


def svdf(kind: str | None = None) -> Maker:
    def make(m: One) -> Case:
        def w(n: int) -> int:
            return m.w((8, n), kind or m.kind, Quantized(0.01) if kind else None)

        inputs = [m.x((2, 5)), w(5), w(6), m.w((4,)), variable(m, (2, 48))]
        return m.case(inputs, m.y((2, 4)), "SVDFOptions", rank=2)

    return make


def rfft(m: One) -> Case:
    return m.case([m.x((1, 8, 16)), m.c([8, 16])], m.model.tensor((1, 8, 9), "COMPLEX64"), "Rfft2dOptions")


def non_max_suppression(soft: bool) -> Maker:
    def make(m: One) -> Case:
        corner = m.rng.uniform(0, 4, (9, 2))
        m.inputs.append(np.concatenate([corner, corner + m.rng.uniform(1, 3, (9, 2))], axis=1).astype(np.float32))
        boxes, scores = m.model.input((9, 4), m.kind), m.x((9,), low=0, high=1)
        inputs = [boxes, scores, m.c(5), m.c(0.4, FLOAT), m.c(0.2, FLOAT)]
        if soft:
            outputs = [m.y((5,), "INT32"), m.y((5,)), m.y((), "INT32")]
            return m.case([*inputs, m.c(0.5, FLOAT)], outputs, "NonMaxSuppressionV5Options")
        return m.case(inputs, [m.y((5,), "INT32"), m.y((), "INT32")], "NonMaxSuppressionV4Options")

    return make


CASES: dict[str, Maker] = {
    "CONV_2D": conv(),
    "CONV_2D, int8 weights": conv("INT8"),
    "CONV_2D, int4 weights": conv("INT4"),
    "DEPTHWISE_CONV_2D": depthwise(),
    "DEPTHWISE_CONV_2D, int8 weights": depthwise("INT8"),
    "DEPTHWISE_CONV_2D, int4 weights": depthwise("INT4"),
    "FULLY_CONNECTED": fully_connected(),
    "FULLY_CONNECTED, int8 weights": fully_connected("INT8"),
    "FULLY_CONNECTED, int4 weights": fully_connected("INT4"),
    "TRANSPOSE_CONV": transpose_conv(),
    "TRANSPOSE_CONV, int8 weights": transpose_conv("INT8"),
    "BATCH_MATMUL": batch_matmul(),
    "BATCH_MATMUL, int8 constant": batch_matmul("INT8"),
    "CONV_3D": conv_3d,
    "CONV_3D_TRANSPOSE": conv_3d_transpose,
    "MAX_POOL_2D": pool,
    "AVERAGE_POOL_2D": pool,
    "L2_POOL_2D": pool,
    "RESIZE_BILINEAR": resize("ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": resize("ResizeNearestNeighborOptions"),
    "LOCAL_RESPONSE_NORMALIZATION": lrn,
    "RNN": rnn,
    "UNIDIRECTIONAL_SEQUENCE_RNN": sequence_rnn,
    "BIDIRECTIONAL_SEQUENCE_RNN": bidirectional_rnn,
    "LSTM": lstm(shape=(2, 5), options="LSTMOptions"),
    "LSTM, BASIC kernel": basic_lstm,
    "LSTM, int8 weights": lstm("INT8", (2, 5), "LSTMOptions"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm(),
    "UNIDIRECTIONAL_SEQUENCE_LSTM, int8 weights": lstm("INT8"),
    "BIDIRECTIONAL_SEQUENCE_LSTM": bidirectional_lstm(),
    "BIDIRECTIONAL_SEQUENCE_LSTM, int8 weights": bidirectional_lstm("INT8"),
    "SVDF": svdf(),
    "SVDF, int8 weights": svdf("INT8"),
    "RFFT2D": rfft,
    "NON_MAX_SUPPRESSION_V4": non_max_suppression(False),
    "NON_MAX_SUPPRESSION_V5": non_max_suppression(True),
}
