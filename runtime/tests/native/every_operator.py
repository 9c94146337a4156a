"""One model with every int8 operator once, of random shapes: to compare kernel sets where starting a program is dear.

Each operator has inputs and an output of its own, so a difference names the operator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .single_op import SAME, Model, Quantized

# Operators whose lines would take int8, and which are not in the model; where all lines name other types: none.
WITHOUT_INT8 = frozenset(
    [
        "BITWISE_XOR", "BROADCAST_ARGS", "FILL", "LOGICAL_AND", "LOGICAL_OR", "ONE_HOT", "RANGE",
        "RANK", "REDUCE_PROD", "RIGHT_SHIFT", "SIGN", "WHERE", "ZEROS_LIKE",
        "EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL",
        "CEIL", "COS", "DIV", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "ROUND", "SIN", "SQUARE", "CAST",
        # plain loops, the same with every kernel set; test_small_operators.py has them
        "STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM", "STABLEHLO_SHIFT_LEFT",
        "BITCAST", "DILATE", "EMBEDDING_LOOKUP", "MATRIX_DIAG", "MATRIX_SET_DIAG", "SPARSE_TO_DENSE",
        "CONV_3D_TRANSPOSE",  # of floats; the other input may have any type
        # Their own tests compare kernel sets over several runs.
        "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "SVDF",
        "DENSIFY",  # of sparse constants: test_sparse.py
        "WHILE", "STABLEHLO_COMPOSITE",  # test_subgraphs.py runs other operators by them
        "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",  # state: they compute nothing
    ]
)  # fmt: skip


class Maker:
    """Adds operators to a model; `shape` and `scale` are random anew for each."""

    def __init__(self, seed: int) -> None:
        self.model = Model()
        self.rng = np.random.default_rng(seed)
        self.inputs: list[NDArray[np.int8]] = []

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def quantized(self) -> Quantized:
        return Quantized(float(self.rng.uniform(0.005, 0.2)), self.between(-60, 60))

    def shape(self) -> tuple[int, int, int, int]:
        return 1, self.between(2, 8), self.between(2, 8), self.between(1, 70)

    def input(self, shape: tuple[int, ...], quantized: Quantized | None = None) -> int:
        self.inputs.append(self.rng.integers(-128, 128, shape).astype(np.int8))
        return self.model.input(shape, "INT8", quantized or self.quantized())

    def output(self, shape: tuple[int, ...], quantized: Quantized | None = None) -> int:
        return self.model.tensor(shape, "INT8", quantized or self.quantized())

    def numbers(self, *values: object) -> int:
        return self.model.constant(np.array(values, np.int32), "INT32")

    def weights(self, shape: tuple[int, ...], axis: int) -> tuple[int, int]:
        """int8 weights with a scale a channel, and biases for them."""
        channels = shape[axis]
        scales = self.rng.uniform(0.001, 0.02, channels)
        weights = self.model.constant(self.rng.integers(-128, 128, shape), "INT8", Quantized(scales, 0, axis=axis))
        bias = self.model.constant(self.rng.integers(-2000, 2000, channels), "INT32", Quantized(scales * 0.05, 0))
        return weights, bias


Operator = Callable[[Maker, str], int]


def conv_2d(m: Maker, name: str) -> int:
    (_, h, w, c), n = m.shape(), m.between(1, 40)
    weights, bias = m.weights((n, 3, 3, c), 0)
    y = m.output((1, h, w, n))
    x = m.input((1, h, w, c), Quantized(0.05, m.between(-60, 60)))
    m.model.operator(name, [x, weights, bias], [y], "Conv2DOptions", version=3, padding=SAME, strideW=1, strideH=1)
    return y


def depthwise_conv_2d(m: Maker, name: str) -> int:
    _, h, w, c = m.shape()
    weights, bias = m.weights((1, 3, 3, c), 3)
    x, y = m.input((1, h, w, c), Quantized(0.05, m.between(-60, 60))), m.output((1, h, w, c))
    m.model.operator(name, [x, weights, bias], [y], "DepthwiseConv2DOptions", version=3, padding=SAME, strideW=1,
                     strideH=1, depthMultiplier=1)  # fmt: skip
    return y


def fully_connected(m: Maker, name: str) -> int:
    k, n = m.between(1, 200), m.between(1, 60)
    weights, bias = m.weights((n, k), 0)
    x, y = m.input((1, k), Quantized(0.05, m.between(-60, 60))), m.output((1, n))
    m.model.operator(name, [x, weights, bias], [y], "FullyConnectedOptions", version=5)
    return y


def transpose_conv(m: Maker, name: str) -> int:
    (_, h, w, c), n = m.shape(), m.between(1, 20)
    weights, _ = m.weights((n, 3, 3, c), 0)
    x, y = m.input((1, h, w, c)), m.output((1, 2 * h, 2 * w, n))
    m.model.operator(name, [m.numbers(1, 2 * h, 2 * w, n), weights, x], [y], "TransposeConvOptions", version=3,
                     padding=SAME, strideW=2, strideH=2)  # fmt: skip
    return y


def batch_matmul(m: Maker, name: str) -> int:
    rows, k, n = m.between(1, 8), m.between(1, 80), m.between(1, 40)
    y = m.output((1, rows, n))
    m.model.operator(name, [m.input((1, rows, k)), m.input((1, k, n))], [y], "BatchMatMulOptions", version=2)
    return y


def binary(options: str, same: bool = False, version: int = 2) -> Operator:
    def add(m: Maker, name: str) -> int:
        shape, q = m.shape(), m.quantized() if same else None
        y = m.output(shape, q)
        m.model.operator(name, [m.input(shape, q), m.input(shape, q)], [y], options, version=version)
        return y

    return add


def prelu(m: Maker, name: str) -> int:
    shape = m.shape()
    alpha = m.model.constant(m.rng.integers(-128, 128, (1, 1, shape[3])), "INT8", m.quantized())
    y = m.output(shape)
    m.model.operator(name, [m.input(shape), alpha], [y])
    return y


def unary(out: Quantized | None = None, options: str | None = None, same: bool = False, version: int = 1) -> Operator:
    def add(m: Maker, name: str) -> int:
        shape, q = m.shape(), m.quantized()
        y = m.output(shape, q if same else out)
        m.model.operator(name, [m.input(shape, q)], [y], options, version=version)
        return y

    return add


def of_positive(m: Maker, name: str) -> int:
    shape, q = m.shape(), Quantized(0.05, -128)
    y = m.output(shape)
    m.model.operator(name, [m.input(shape, q)], [y], version=2)
    return y


def pool(m: Maker, name: str) -> int:
    (_, h, w, c), q = m.shape(), m.quantized()
    y = m.output((1, h, w, c), q)
    m.model.operator(name, [m.input((1, h, w, c), q)], [y], "Pool2DOptions", version=2, padding=SAME, strideW=1,
                     strideH=1, filterWidth=3, filterHeight=2)  # fmt: skip
    return y


def reduce(same: bool = False) -> Operator:
    def add(m: Maker, name: str) -> int:
        shape, q = m.shape(), m.quantized()
        y = m.output((1, shape[3]), q if same else None)
        m.model.operator(name, [m.input(shape, q), m.numbers(1, 2)], [y], "ReducerOptions", version=2)
        return y

    return add


def resize(options: str) -> Operator:
    def add(m: Maker, name: str) -> int:
        (_, h, w, c), q = m.shape(), m.quantized()
        y = m.output((1, 2 * h + 1, w + 3, c), q)
        m.model.operator(name, [m.input((1, h, w, c), q), m.numbers(2 * h + 1, w + 3)], [y], options, version=2)
        return y

    return add


def arg(options: str) -> Operator:
    def add(m: Maker, name: str) -> int:
        shape = m.shape()
        y = m.model.tensor(shape[:3], "INT32")
        axis = m.model.constant(np.array(3, np.int32), "INT32")
        m.model.operator(name, [m.input(shape), axis], [y], options, version=2, outputType=2)
        return y

    return add


def moved(
    change: Callable[[tuple[int, int, int, int]], tuple[int, ...]],
    constants: Callable[[tuple[int, int, int, int]], list[object]] = lambda shape: [],
    options: str | None = None,
    version: int = 2,
    **fields: object,
) -> Operator:
    """An operator that moves values: the output's shape, and what follows the input, as int32 arrays."""

    def add(m: Maker, name: str) -> int:
        (_, h, w, c), q = m.shape(), m.quantized()
        shape = (1, 2 * h, 2 * w, 4 * c)  # divides by what blocks and splits need
        y = m.output(change(shape), q)
        after = [m.model.constant(np.array(value, np.int32), "INT32") for value in constants(shape)]
        m.model.operator(name, [m.input(shape, q), *after], [y], options, version=version, **fields)
        return y

    return add


def concatenation(m: Maker, name: str) -> int:
    (_, h, w, c), q = m.shape(), m.quantized()
    y = m.output((1, h, w, 2 * c), q)
    parts = [m.input((1, h, w, c), q), m.input((1, h, w, c))]
    m.model.operator(name, parts, [y], "ConcatenationOptions", version=2, axis=3)
    return y


def pack(m: Maker, name: str) -> int:
    shape, q = m.shape(), m.quantized()
    y = m.output((2, *shape), q)
    m.model.operator(name, [m.input(shape, q), m.input(shape, q)], [y], "PackOptions", version=2, valuesCount=2, axis=0)
    return y


def parts(options: str, before: bool = False, sizes: bool = False, **fields: object) -> Operator:
    """SPLIT, SPLIT_V, UNPACK: two outputs, of which the second counts."""

    def add(m: Maker, name: str) -> int:
        (_, h, w, c), q = m.shape(), m.quantized()
        shape = (1, h, w, 2 * c) if fields.get("numSplits") else (2, h, w, c)
        part = (1, h, w, c) if fields.get("numSplits") else (h, w, c)
        outputs = [m.output(part, q), m.output(part, q)]
        x, axis = m.input(shape, q), m.model.constant(np.array(3, np.int32), "INT32") if fields.get("numSplits") else -1
        inputs = [axis, x] if before else [x, m.numbers(c, c), axis] if sizes else [x]
        m.model.operator(name, inputs, outputs, options, version=2, **fields)
        return outputs[1]

    return add


def padv2(m: Maker, name: str) -> int:
    (_, h, w, c), q = m.shape(), m.quantized()
    paddings = m.model.constant(np.array([[0, 0], [1, 2], [0, 1], [0, 3]], np.int32), "INT32")
    value = m.model.constant(np.array([m.between(-128, 127)]), "INT8", q)
    y = m.output((1, h + 3, w + 1, c + 3), q)
    m.model.operator(name, [m.input((1, h, w, c), q), paddings, value], [y], "PadV2Options", version=2)
    return y


def dequantize(m: Maker, name: str) -> int:
    shape = m.shape()
    y = m.model.tensor(shape, "FLOAT32")
    m.model.operator(name, [m.input(shape)], [y], "DequantizeOptions", version=2)
    return y


def shape_of(m: Maker, name: str) -> int:
    y = m.model.tensor((4,), "INT32")
    m.model.operator(name, [m.input(m.shape())], [y], "ShapeOptions", outType=2)
    return y


PADDING = [[0, 0], [1, 2], [0, 1], [0, 3]]


def scatter_nd(m: Maker, name: str) -> int:
    (_, h, w, c), q = m.shape(), m.quantized()
    y = m.output((h, w, c), q)
    places = m.numbers(*([m.between(0, h - 1), m.between(0, w - 1)] for _ in range(5)))
    m.model.operator(name, [places, m.input((5, c), q), m.numbers(h, w, c)], [y], "ScatterNdOptions")
    return y


def dynamic_update_slice(m: Maker, name: str) -> int:
    (_, h, w, c), q = m.shape(), m.quantized()
    y = m.output((1, h, w, c), q)
    inputs = [m.input((1, h, w, c), q), m.input((1, h - 1, w, c), q), m.numbers(0, 1, 0, 0)]
    m.model.operator(name, inputs, [y])
    return y


def top_k(m: Maker, name: str) -> int:
    shape, q = m.shape(), m.quantized()
    k = m.between(1, shape[3])
    values, indices = m.output((*shape[:3], k), q), m.model.tensor((*shape[:3], k), "INT32")
    which = m.model.constant(np.array(k), "INT32")
    m.model.operator(name, [m.input(shape, q), which], [values, indices], "TopKV2Options", version=2)
    return indices


OPERATORS: dict[str, Operator] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "TRANSPOSE_CONV": transpose_conv,
    "BATCH_MATMUL": batch_matmul,
    "ADD": binary("AddOptions"),
    "SUB": binary("SubOptions"),
    "MUL": binary("MulOptions"),
    "SQUARED_DIFFERENCE": binary("SquaredDifferenceOptions"),
    "MAXIMUM": binary("MaximumMinimumOptions", same=True),
    "MINIMUM": binary("MaximumMinimumOptions", same=True),
    "PRELU": prelu,
    "ABS": unary(options="AbsOptions", version=2),
    "ELU": unary(version=1),
    "EXP": unary(options="ExpOptions", version=2),
    "GELU": unary(options="GeluOptions", version=2),
    "HARD_SWISH": unary(),
    "LEAKY_RELU": unary(options="LeakyReluOptions", version=2),
    "LOGISTIC": unary(Quantized(1 / 256, -128), version=2),
    "NEG": unary(options="NegOptions"),
    "RELU": unary(version=2),
    "RELU6": unary(version=2),
    "RELU_0_TO_1": unary(version=1),
    "RELU_N1_TO_1": unary(),
    "TANH": unary(Quantized(1 / 128, 0), version=2),
    "LOG": of_positive,
    "SQRT": of_positive,
    "RSQRT": of_positive,
    "SOFTMAX": unary(Quantized(1 / 256, -128), "SoftmaxOptions", version=2),
    "LOG_SOFTMAX": unary(Quantized(16 / 256, 127), "LogSoftmaxOptions", version=2),
    "L2_NORMALIZATION": unary(Quantized(1 / 128, 0), "L2NormOptions", version=2),
    "QUANTIZE": unary(options="QuantizeOptions", version=2),
    "DEQUANTIZE": dequantize,
    "AVERAGE_POOL_2D": pool,
    "MAX_POOL_2D": pool,
    "MEAN": reduce(),
    "SUM": reduce(),
    "REDUCE_MAX": reduce(same=True),
    "REDUCE_MIN": reduce(same=True),
    "ARG_MAX": arg("ArgMaxOptions"),
    "ARG_MIN": arg("ArgMinOptions"),
    "RESIZE_BILINEAR": resize("ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": resize("ResizeNearestNeighborOptions"),
    "CONCATENATION": concatenation,
    "PACK": pack,
    "SPLIT": parts("SplitOptions", before=True, numSplits=2),
    "SPLIT_V": parts("SplitVOptions", sizes=True, numSplits=2),
    "UNPACK": parts("UnpackOptions", num=2, axis=0),
    "PADV2": padv2,
    "SHAPE": shape_of,
    "RESHAPE": moved(lambda s: (1, s[1] * s[2], s[3]), lambda s: [[1, s[1] * s[2], s[3]]], "ReshapeOptions"),
    "SQUEEZE": moved(lambda s: s[1:], options="SqueezeOptions", squeezeDims=[0]),
    "EXPAND_DIMS": moved(lambda s: (1, *s), lambda s: [0], "ExpandDimsOptions", version=1),
    "TRANSPOSE": moved(lambda s: (s[0], s[3], s[1], s[2]), lambda s: [[0, 3, 1, 2]], "TransposeOptions"),
    "PAD": moved(lambda s: (1, s[1] + 3, s[2] + 1, s[3] + 3), lambda s: [PADDING], "PadOptions"),
    "MIRROR_PAD": moved(
        lambda s: (1, s[1] + 2, s[2] + 1, s[3]), lambda s: [[[0, 0], [1, 1], [0, 1], [0, 0]]], "MirrorPadOptions"
    ),
    "SLICE": moved(
        lambda s: (1, s[1] - 1, s[2], s[3] - 2), lambda s: [[0, 1, 0, 2], [1, s[1] - 1, s[2], s[3] - 2]], "SliceOptions"
    ),
    "STRIDED_SLICE": moved(
        lambda s: (1, s[1] // 2, s[2], s[3]), lambda s: [[0, 0, 0, 0], list(s), [1, 2, 1, 1]], "StridedSliceOptions"
    ),
    "GATHER": moved(lambda s: (1, 3, s[2], s[3]), lambda s: [[1, 0, 1]], "GatherOptions", axis=1),
    "GATHER_ND": moved(lambda s: (2, *s[2:]), lambda s: [[[0, 1], [0, s[1] - 1]]], "GatherNdOptions"),
    "SCATTER_ND": scatter_nd,
    "TOPK_V2": top_k,
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "REVERSE_SEQUENCE": moved(lambda s: s, lambda s: [[2]], "ReverseSequenceOptions", seqDim=1, batchDim=0),
    "TILE": moved(lambda s: (1, 2 * s[1], s[2], 3 * s[3]), lambda s: [[1, 2, 1, 3]], "TileOptions"),
    "REVERSE_V2": moved(lambda s: s, lambda s: [[3]], "ReverseV2Options", version=3),
    "BROADCAST_TO": moved(lambda s: (3, *s[1:]), lambda s: [[3, *s[1:]]], "BroadcastToOptions", version=3),
    "SPACE_TO_DEPTH": moved(
        lambda s: (1, s[1] // 2, s[2] // 2, 4 * s[3]), options="SpaceToDepthOptions", blockSize=2
    ),
    "DEPTH_TO_SPACE": moved(
        lambda s: (1, 2 * s[1], 2 * s[2], s[3] // 4), options="DepthToSpaceOptions", blockSize=2
    ),
    "SPACE_TO_BATCH_ND": moved(
        lambda s: (4, s[1] // 2, s[2] // 2, s[3]), lambda s: [[2, 2], [[0, 0], [0, 0]]], "SpaceToBatchNDOptions"
    ),
    "BATCH_TO_SPACE_ND": moved(lambda s: s, lambda s: [[1, 1], [[0, 0], [0, 0]]], "BatchToSpaceNDOptions"),
}  # fmt: skip


def every_operator(seed: int) -> tuple[bytes, list[NDArray[np.int8]]]:
    """The model, whose outputs are in the order of OPERATORS, and values for its inputs."""
    maker = Maker(seed)
    data = maker.model.finish([add(maker, name) for name, add in OPERATORS.items()])
    return data, maker.inputs
