"""Cases of operators that work value by value, compare, choose and reduce, or make values of shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from single_op import Quantized

from .case import SHAPE, TYPES, Case, Maker, One, fixed

POSITIVE = {"FLOAT32": (0.1, 9.0), "INT8": (4, 127), "UINT8": (132, 255), "INT16": (1, 32767), "INT32": (1, 20),
            "INT64": (1, 20), "FLOAT16": (0.1, 9.0), "UINT32": (1, 20), "UINT16": (1, 20)}  # fmt: skip


def unary(
    options: str | None = None,
    positive: bool = False,
    result: tuple[float, int] | None = None,
    same: bool = False,
    **fields: Any,
) -> Maker:
    def make(m: One) -> Case:
        low, high = POSITIVE.get(m.kind, (None, None)) if positive else (None, None)
        x = m.x(low=low, high=high, same=same)
        return m.case([x], m.y(q=fixed(m.kind, *result) if result else None), options, **fields)

    return make


def binary(
    options: str | None = None, out: str | None = None, positive: bool = False, same: bool = False, **fields: Any
) -> Maker:
    """Two inputs, the second without the first two dimensions."""

    def make(m: One) -> Case:
        low, high = POSITIVE.get(m.kind, (None, None)) if positive else (None, None)
        x, z = m.x(same=same), m.x(SHAPE[2:], low=low, high=high, same=same)
        return m.case([x, z], m.y(kind=out), options, **fields)

    return make


def angle(m: One) -> Case:
    return m.case([m.x(), m.x()], m.y(), "ATan2Options")  # LiteRT broadcasts neither


def power(m: One) -> Case:
    x = m.x(low=0.1 if m.kind == "FLOAT32" else 1, high=5)
    return m.case([x, m.x(SHAPE[2:], low=0, high=3)], m.y(), "PowOptions")


def bits(options: str | None = None, high: int | None = None) -> Maker:
    """Of numbers without scales."""

    def make(m: One) -> Case:
        m.scales = False
        low = None if high is None else 0
        return m.case([m.x(), m.x(low=low, high=high)], m.y(), options)

    return make


def prelu(m: One) -> Case:
    return m.case([m.x(), m.w(SHAPE[3:])], m.y())


def add_n(m: One) -> Case:
    return m.case([m.x(), m.x(), m.x()], m.y(), "AddNOptions")


def select(options: str, broadcast: bool) -> Maker:
    def make(m: One) -> Case:
        condition = m.x(SHAPE[2:] if broadcast else SHAPE, "BOOL")
        a, b = m.x(same=True), m.x(SHAPE[3:] if broadcast else SHAPE, same=True)
        return m.case([condition, a, b], m.y(), options)

    return make


def reduction(m: One) -> Case:
    same = m.name in ("REDUCE_MAX", "REDUCE_MIN")
    low, high = (1, 3) if m.name == "REDUCE_PROD" and m.kind in ("INT32", "INT64") else (None, None)
    return m.case([m.x(same=same, low=low, high=high), m.c([1, 2])], m.y((2, 6)), "ReducerOptions")


def arg(options: str, wide: bool = False) -> Maker:
    def make(m: One) -> Case:
        kind = "INT64" if wide else "INT32"
        return m.case([m.x(), m.c(3)], m.y(SHAPE[:3], kind), options, outputType=4 if wide else 2)

    return make


def softmax(options: str, result: tuple[float, int], **fields: Any) -> Maker:
    return unary(options, result=result, **fields)


def cast(to: str) -> Maker:
    return lambda m: m.case([m.x(low=-300, high=300) if m.kind == "FLOAT32" else m.x()], m.y(kind=to), "CastOptions")


def quantize(to: str) -> Maker:
    scale = {"INT32": Quantized(0.01)}
    return lambda m: m.case([m.x(q=scale.get(m.kind))], m.y(kind=to), "QuantizeOptions")


def dequantize(m: One) -> Case:
    if m.kind == "INT4":
        return m.case([m.w(SHAPE)], m.y(kind="FLOAT32"), "DequantizeOptions")
    return m.case([m.x()], m.y(kind="FLOAT32"), "DequantizeOptions")


def dequantize_constant(m: One) -> Case:
    """Constants alone, added to an input: how files with float16 weights begin."""
    wide = m.y(kind="FLOAT32")
    m.model.operator("DEQUANTIZE", [m.w(SHAPE)], [wide], "DequantizeOptions", version=3)
    m.name = "ADD"
    return m.case([m.x(kind="FLOAT32"), wide], m.y(kind="FLOAT32"), "AddOptions", version=1)


def fill(m: One) -> Case:
    return m.case([m.c([3, 4]), m.x((), same=True)], m.y((3, 4)), "FillOptions")


def range_(m: One) -> Case:
    if m.kind not in ("FLOAT32", "INT32", "INT64"):
        return m.case([m.x(()), m.x(()), m.x(())], m.y((5,)), "RangeOptions")
    return m.case([m.c(v, m.kind) for v in (2, 17, 3)], m.y((5,)), "RangeOptions")


def one_hot(m: One) -> Case:
    on, off = m.w((), low=2, high=2), m.w((), low=0, high=0)
    return m.case([m.given([[1, 0, 7], [4, 2, -1]]), m.c(5), on, off], m.y((2, 3, 5)), "OneHotOptions", axis=-1)


def where(m: One) -> Case:
    """Of a constant, whose number of places that are not 0 is known."""
    values = [[1, 0, 2], [0, 3, 0]]
    x = m.c(np.array(values) != 0 if m.kind == "BOOL" else values, m.kind)
    return m.case([x], m.y((3, 2), "INT64"), "WhereOptions")


def fake_quant(m: One) -> Case:
    return m.case([m.x()], m.y(), "FakeQuantOptions", min=-1.5, max=1.5, numBits=8)


def broadcast_args(m: One) -> Case:
    return m.case([m.c([2, 1, 4], m.kind), m.c([3, 1], m.kind)], m.y((3,)))


def bucketize(m: One) -> Case:
    return m.case([m.x()], m.y(kind="INT32"), "BucketizeOptions", boundaries=np.array([-1, 0, 2], np.float32))


def bitcast(m: One) -> Case:
    return m.case([m.x()], m.y(kind={"FLOAT32": "INT32", "INT32": "FLOAT32"}.get(m.kind, m.kind)), "BitcastOptions")


COMPARISONS = {name: f"{''.join(part.title() for part in name.split('_'))}Options"
               for name in ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")}  # fmt: skip

CASES: dict[str, Maker] = {
    "ABS": unary("AbsOptions"),
    "CEIL": unary(),
    "COS": unary("CosOptions"),
    "ELU": unary(),
    "EXP": unary("ExpOptions"),
    "FLOOR": unary(),
    "GELU": unary("GeluOptions"),
    "HARD_SWISH": unary("HardSwishOptions"),
    "LEAKY_RELU": unary("LeakyReluOptions", alpha=0.2),
    "LOG": unary(positive=True),
    "LOGICAL_NOT": unary("LogicalNotOptions"),
    "LOGISTIC": unary(result=(1 / 256, -128)),
    "NEG": unary("NegOptions"),
    "RELU": unary(),
    "RELU6": unary(),
    "RELU_0_TO_1": unary(),
    "RELU_N1_TO_1": unary(),
    "ROUND": unary(),
    "RSQRT": unary(positive=True),
    "SIGN": unary("SignOptions"),
    "SIN": unary(),
    "SQRT": unary(positive=True),
    "SQUARE": unary("SquareOptions"),
    "TANH": unary(result=(1 / 128, 0)),
    "ZEROS_LIKE": unary("ZerosLikeOptions"),
    "SOFTMAX": softmax("SoftmaxOptions", (1 / 256, -128), beta=1.0),
    "LOG_SOFTMAX": softmax("LogSoftmaxOptions", (16 / 256, 127)),
    "L2_NORMALIZATION": softmax("L2NormOptions", (1 / 128, 0)),
    "FAKE_QUANT": fake_quant,
    "ADD": binary("AddOptions", potScaleInt16=False),
    "SUB": binary("SubOptions", potScaleInt16=False),
    "MUL": binary("MulOptions"),
    "DIV": binary("DivOptions", positive=True),
    "FLOOR_DIV": binary("FloorDivOptions", positive=True),
    "FLOOR_MOD": binary("FloorModOptions", positive=True),
    "MAXIMUM": binary("MaximumMinimumOptions", same=True),
    "MINIMUM": binary("MaximumMinimumOptions", same=True),
    "SQUARED_DIFFERENCE": binary("SquaredDifferenceOptions"),
    "ATAN2": angle,
    "BITWISE_XOR": bits("BitwiseXorOptions"),
    "LOGICAL_AND": binary("LogicalAndOptions"),
    "LOGICAL_OR": binary("LogicalOrOptions"),
    **{name: binary(options, "BOOL") for name, options in COMPARISONS.items()},
    "POW": power,
    "RIGHT_SHIFT": bits("RightShiftOptions", 7),
    "STABLEHLO_SHIFT_LEFT": bits(high=7),
    **dict.fromkeys(("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM"), bits()),
    "PRELU": prelu,
    "ADD_N": add_n,
    "SELECT": select("SelectOptions", False),
    "SELECT_V2": select("SelectV2Options", True),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "REDUCE_ANY", "REDUCE_ALL"), reduction),
    "ARG_MAX": arg("ArgMaxOptions"),
    "ARG_MIN": arg("ArgMinOptions"),
    "ARG_MAX to INT64": arg("ArgMaxOptions", wide=True),
    "ARG_MIN to INT64": arg("ArgMinOptions", wide=True),
    **{f"CAST to {to}": cast(to) for to in TYPES},
    **{f"QUANTIZE to {to}": quantize(to) for to in ("INT8", "UINT8", "INT16", "INT4")},
    "DEQUANTIZE": dequantize,
    "DEQUANTIZE of constants": dequantize_constant,
    "FILL": fill,
    "RANGE": range_,
    "RANK": lambda m: m.case([m.x()], m.y((), "INT32"), "RankOptions"),
    "SHAPE": lambda m: m.case([m.x()], m.y((4,), "INT32"), "ShapeOptions", outType=2),
    "SHAPE to INT64": lambda m: m.case([m.x()], m.y((4,), "INT64"), "ShapeOptions", outType=4),
    "ONE_HOT": one_hot,
    "WHERE": where,
    "BROADCAST_ARGS": broadcast_args,
    "BUCKETIZE": bucketize,
    "BITCAST": bitcast,
}  # fmt: skip
