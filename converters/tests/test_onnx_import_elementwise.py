"""Operators on single elements, imported from ONNX, against ONNX Runtime or numpy."""

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from edgequant_converters import UnsupportedError

from .onnx_import_check import Const, check, check_case, imported, rand, single_node

X = rand(3, 5)
POSITIVE = rand(3, 5, low=0.1, high=3.0)
UNIT = rand(3, 5, low=-0.95, high=0.95)
BITS = UNIT > 0
WIDE = np.array([-90, -20, -3, -1e-3, -1e-7, 0, 1e-7, 1e-3, 0.5, 1, 3, 20, 80], np.float32)
SMALL = np.array([-1, -0.5, -1e-3, -1e-6, 0, 1e-6, 1e-3, 0.25, 0.999], np.float32)

UNARY = {
    "Abs": X, "Acos": UNIT, "Asin": UNIT, "Atan": 5 * X, "Ceil": 3 * X, "Celu": X, "Cos": X, "Cosh": X, "Dropout": X,
    "Elu": X, "Exp": X, "Floor": 3 * X, "HardSigmoid": 5 * X, "HardSwish": 5 * X, "Identity": X, "LeakyRelu": X,
    "Log": POSITIVE, "Mish": WIDE, "Neg": X, "Not": BITS, "Reciprocal": POSITIVE, "Relu": X, "Round": 5 * X, "Selu": X,
    "Sigmoid": X, "Sign": X, "Sin": X, "Softplus": X, "Softsign": X, "Sqrt": POSITIVE, "Tan": UNIT, "Tanh": X,
    "ThresholdedRelu": 3 * X, "IsNaN": np.array([1.0, np.nan], np.float32),
    "IsInf": np.array([1.0, np.inf, -np.inf, np.nan], np.float32),
}  # fmt: skip
MOST = {"Relu": 1, "Elu": 1, "Mish": 7, "HardSwish": 1, "LeakyRelu": 1, "IsNaN": 1, "Sign": 1, "HardSigmoid": 4}


@pytest.mark.parametrize("op", UNARY)
def test_unary(op):
    check(op, UNARY[op], most=MOST.get(op))


EXACT = {
    "Acosh": (np.array([1, 1.0001, 1.5, 3, 1e4], np.float32), np.arccosh),
    "Asinh": (np.array([-1e4, -3, -0.5, -1e-3, 0, 1e-6, 1e-3, 0.5, 3], np.float32), np.arcsinh),
    "Atanh": (SMALL[1:], np.arctanh),
    "Erf": (np.concatenate([WIDE, SMALL]), np.vectorize(math.erf)),
    "Sinh": (WIDE[1:], np.sinh),
    "Softplus": (WIDE[1:], lambda x: np.logaddexp(0, x)),
    "Tan": (SMALL, np.tan),
}


@pytest.mark.parametrize("op", EXACT)
def test_formulas_are_exact_near_zero_and_far_from_it(op):
    values, function = EXACT[op]
    expected = function(values.astype(np.float64)).astype(np.float32)
    check(op, values, expected=[expected], rtol=3e-6, atol=1e-37)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "PRelu"])
def test_binary_broadcasts(op):
    check(op, rand(2, 3, 4), rand(3, 1, seed=5) + 3)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.uint8, np.int16, np.uint32])
def test_comparison(op, dtype):
    x, y = np.array([1, 2, 3]).astype(dtype), np.array([[2], [3]]).astype(dtype)
    functions = {
        "Equal": np.equal, "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater,
        "GreaterOrEqual": np.greater_equal,
    }  # fmt: skip
    check(op, x, y, expected=[functions[op](x, y)])


@pytest.mark.parametrize("op", ["And", "Or", "Xor", "Equal"])
def test_logic(op):
    check(op, BITS, UNIT > 0.4)


INTEGERS = {np.int32: (-9, 9), np.int64: (-9, 9), np.int8: (-128, 127), np.uint8: (0, 255), np.int16: (-300, 300),
            np.uint32: (0, 2**32 - 1)}  # fmt: skip


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Max", "Min"])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap_around(op, dtype):
    low, high = INTEGERS[dtype]
    draw = np.random.default_rng(0)
    x, y = (draw.integers(low, high, (4, 5), dtype=dtype, endpoint=True) for _ in range(2))
    functions = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Max": np.maximum, "Min": np.minimum}
    check(op, x, y, expected=[functions[op](x, y)])


INT_A = np.array([7, -7, 5, -6, 0, 8, -8, 2**30], np.int64)
INT_B = np.array([2, 2, -3, 4, 5, 4, -4, 3], np.int64)
HUGE = np.array([2**62 + 12345, -(2**61) - 7, 2**53 + 1, -(2**40)], np.int64)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int16])
def test_integer_division_truncates(dtype):
    x, y = INT_A.astype(dtype), INT_B.astype(dtype)
    expected = np.trunc(x.astype(np.float64) / y).astype(dtype)
    check("Div", x, y, expected=[expected])


def test_division_of_huge_integers_is_exact():
    y = np.array([3, -1000003, 7, 2**20 + 1], np.int64)
    expected = [np.array([int(a / abs(a)) * int(b / abs(b)) * (abs(a) // abs(b)) for a, b in
                          zip(HUGE.tolist(), y.tolist(), strict=True)])]  # fmt: skip
    check("Div", HUGE, y, expected=expected)


FLOAT_A, FLOAT_B = 5 * X, np.where(UNIT > 0, UNIT + 1, UNIT - 1).astype(np.float32)
CASES = {
    "mod": ("Mod", INT_A, INT_B),
    "mod int32": ("Mod", INT_A.astype(np.int32), INT_B.astype(np.int32)),
    "fmod": ("Mod", FLOAT_A, FLOAT_B, {"fmod": 1}),
    "fmod of integers": ("Mod", INT_A, INT_B, {"fmod": 1}),
    "sign of integers": ("Sign", INT_A),
    "size of integers": ("Abs", INT_A),
    "power": ("Pow", POSITIVE, X),
    "square": ("Pow", X, Const(np.float32(2)), {"most": 1}),
    "cube": ("Pow", X, Const(np.float32(3)), {"most": 2}),
    "square root": ("Pow", POSITIVE, Const(np.float32(0.5)), {"most": 1}),
    "reciprocal root": ("Pow", POSITIVE, Const(np.float32(-0.5)), {"most": 1}),
    "power of integers": ("Pow", np.array([2, -3, 5], np.int32), np.array([10, 3, 0], np.int32)),
    "power of int64": ("Pow", np.array([2, -3, 5], np.int64), np.array([62, 33, 0], np.int64)),
    "power by integers": ("Pow", POSITIVE, np.array([-2, -1, 0, 1, 2], np.int64)),
    "where": ("Where", BITS, X, Const(np.float32(0)), {"most": 1}),
    "clip": ("Clip", X, Const(np.float32(-0.3)), Const(np.float32(0.5)), {"most": 2}),
    "clip to ReLU6": ("Clip", 8 * X, Const(np.float32(0)), Const(np.float32(6)), {"most": 1}),
    "clip below 0": ("Clip", X, Const(np.float32(0)), Const(np.float32(3.4028235e38)), {"most": 1}),
    "clip below only": ("Clip", X, Const(np.float32(-0.3)), {"most": 1}),
    "clip above only": ("Clip", X, None, Const(np.float32(0.5)), {"most": 1}),
    "clip by data": ("Clip", X, np.array(-0.3, np.float32), np.array(0.5, np.float32)),
    "clip integers": ("Clip", INT_A, Const(np.int64(-2)), Const(np.int64(5))),
    "clip 6": ("Clip", X, {"min": -0.3, "max": 0.5, "opset": 7}),
    "prelu per channel": ("PRelu", rand(2, 4, 7, 9), Const(rand(4, 1, 1)), {"most": 1}),
    "prelu with a batch axis": ("PRelu", rand(2, 4, 3), Const(rand(1, 4, 1)), {"most": 1}),
    "prelu of one slope": ("PRelu", X, Const(np.array([0.3], np.float32)), {"most": 1}),
    "gelu": ("Gelu", X, {"opset": 20, "most": 1}),
    "gelu tanh": ("Gelu", X, {"opset": 20, "approximate": "tanh", "most": 1}),
    "elu below 1": ("Elu", X, {"alpha": 0.4, "most": 3}),
    "elu above 1": ("Elu", X, {"alpha": 2.5}),
    "selu of one's own": ("Selu", X, {"alpha": 0.7, "gamma": 1.3}),
    "celu": ("Celu", X, {"alpha": 2.0, "most": 3}),
    "hard sigmoid of torch": ("HardSigmoid", 5 * X, {"alpha": 1 / 6, "beta": 0.5, "most": 3}),
    "hard shrink": ("Shrink", X, {"lambd": 0.7}),
    "soft shrink": ("Shrink", X, {"lambd": 0.7, "bias": 0.7, "most": 3}),
    "shrink": ("Shrink", X, {"lambd": 0.7, "bias": 0.2}),
    "max of three": ("Max", X, POSITIVE, UNIT),
    "mean of three": ("Mean", X, POSITIVE, UNIT),
    "infinite above": ("IsInf", UNARY["IsInf"], {"detect_negative": 0}),
    "infinite below": ("IsInf", UNARY["IsInf"], {"detect_positive": 0}),
    "bits to the left": ("BitShift", np.array([1, 3, 200], np.uint8), np.array([1, 2, 3], np.uint8),
                         {"direction": "LEFT"}),
    "bits to the right": ("BitShift", np.array([1, 2**31, 2**32 - 1], np.uint32), np.array([1, 2, 31], np.uint32),
                          {"direction": "RIGHT"}),
    "dropout in training without any": ("Dropout", X, Const(np.float32(0)), Const(np.array(True)), {"outputs": 2}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operator(case):
    check_case(CASES[case])


@pytest.mark.parametrize("op", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_bits(op, dtype):
    limits = np.iinfo(dtype)
    draw = np.random.default_rng(1)
    x, y = (draw.integers(limits.min, limits.max, (3, 40), dtype=dtype, endpoint=True) for _ in range(2))
    functions = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor}
    check(op, x, y[0], expected=[functions[op](x, y[0])])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64])
def test_inverted_bits(dtype):
    x = np.array([0, 1, 5, 127], dtype)
    check("BitwiseNot", x, expected=[~x])


def test_int64_shifts_to_the_right_with_its_sign():
    x, count = np.array([2**62 + 1, -(2**63), -5, 7], np.int64), np.array([3, 63, 1, 64], np.int64)
    check("BitShift", x, count, opset=26, expected=[np.array([2**59, -1, -3, 0])], direction="RIGHT")


TYPES = {"FLOAT": np.float32, "INT64": np.int64, "INT32": np.int32, "INT8": np.int8, "UINT8": np.uint8,
         "BOOL": np.bool_}  # fmt: skip


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_cast(source, target):
    values = np.array([0, 1, 2, 100]) if source in ("UINT8", "BOOL") else np.array([-2, 0, 1, 100])
    values = values + 0.7 if source == "FLOAT" and target != "UINT8" else np.abs(values)
    check("Cast", values.astype(TYPES[source]), to=getattr(TensorProto, target), most=1)


@pytest.mark.parametrize("target", [TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_every_kind_of_float_is_float32(target):
    check("Cast", X, to=target, expected=[X])


REFUSED = {
    "to=STRING": ("Cast", X, {"to": TensorProto.STRING}),
    "to=FLOAT8E4M3FN": ("Cast", X, {"to": TensorProto.FLOAT8E4M3FN, "opset": 19}),
    "from FLOAT32 to UINT64": ("Cast", X, {"to": TensorProto.UINT64}),
    "training_mode=1": ("Dropout", X, Const(np.float32(0.5)), Const(np.array(True))),
    "values of UINT64": ("Add", np.ones(3, np.uint64), np.ones(3, np.uint64)),
    "Bernoulli .*it draws random numbers": ("Bernoulli", X),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refusals_name_operator_and_attribute(message):
    op, *inputs = REFUSED[message]
    attributes = dict(inputs.pop()) if isinstance(inputs[-1], dict) else {}
    model, fed = single_node(op, tuple(inputs), attributes, attributes.pop("opset", 18), 1)
    with pytest.raises(UnsupportedError, match=message) as refusal:
        imported(model, fed)
    assert op in str(refusal.value) or message in str(refusal.value)


def test_all_refusals_come_at_once():
    nodes = [
        onnx.helper.make_node("Cast", ["x"], ["a"], to=TensorProto.UINT64, name="first"),
        onnx.helper.make_node("Mod", ["x", "x"], ["b"], fmod=1),
        onnx.helper.make_node("Cast", ["b"], ["c"], to=TensorProto.UINT64, name="second"),
    ]
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "g", [info("x", TensorProto.FLOAT, (2,))],
        [info("a", TensorProto.UINT64, (2,)), info("c", TensorProto.UINT64, (2,))],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    with pytest.raises(UnsupportedError, match=r"Cast 'first'.*Cast 'second'"):
        imported(model, {"x": np.zeros(2, np.float32)})
