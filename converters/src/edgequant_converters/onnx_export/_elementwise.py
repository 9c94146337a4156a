"""What computes every element for itself."""

import numpy as np

from edgequant_converters.ir import Operator, Tensor

from ._frame import Frame
from ._registry import refuse, writes
from ._writer import Writer

_UNARY = {
    "ABS": "Abs", "CEIL": "Ceil", "COS": "Cos", "EXP": "Exp", "FLOOR": "Floor", "LOG": "Log", "LOGICAL_NOT": "Not",
    "LOGISTIC": "Sigmoid", "NEG": "Neg", "RELU": "Relu", "ROUND": "Round", "SIGN": "Sign", "SIN": "Sin", "SQRT": "Sqrt",
    "TANH": "Tanh",
}  # fmt: skip
_BINARY = {
    "ADD": "Add", "DIV": "Div", "LOGICAL_AND": "And", "LOGICAL_OR": "Or", "MAXIMUM": "Max", "MINIMUM": "Min",
    "MUL": "Mul", "POW": "Pow", "SUB": "Sub",
}  # fmt: skip
_COMPARISONS = {
    "EQUAL": ("Equal", False), "NOT_EQUAL": ("Equal", True), "LESS": ("Less", False), "GREATER": ("Greater", False),
    "LESS_EQUAL": ("LessOrEqual", False), "GREATER_EQUAL": ("GreaterOrEqual", False),
}  # fmt: skip
"""LiteRT's comparison -> ONNX's, and whether it is the opposite."""

_WITHOUT_WHERE = frozenset({"INT8", "INT16", "UINT16", "UINT32", "UINT64"})

_LIMITS = {"RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}


def activated(writer: Writer, name: str, operator: Operator) -> str:
    """Return a value after the activation function that an operator has in it."""
    function = operator.options.get("fusedActivationFunction", "NONE")
    if function == "NONE":
        return name
    if function in _LIMITS:
        return clipped(writer, name, *_LIMITS[function])
    known = {"RELU": "Relu", "TANH": "Tanh"}.get(function)
    if known is None:
        raise refuse(operator, f"the activation function {function}")
    return writer.node(known, [name])


def clipped(writer: Writer, name: str, low: float, high: float) -> str:
    """Return a float value cut off at both ends."""
    return writer.node("Clip", [name, writer.constant(np.float32(low)), writer.constant(np.float32(high))])


@writes(*_UNARY)
def unary(writer: Writer, operator: Operator) -> None:
    """Write a function that ONNX has too."""
    frame = _frame(writer, operator)
    frame.set(operator.output, writer.node(_UNARY[operator.code], [frame.read(operator.given[0])]))


@writes(*_LIMITS)
def limited(writer: Writer, operator: Operator) -> None:
    """Write a linear function with two bounds."""
    frame = _frame(writer, operator)
    frame.set(operator.output, clipped(writer, frame.read(operator.given[0]), *_LIMITS[operator.code]))


@writes("RSQRT", "SQUARE", "SQUARED_DIFFERENCE")
def powers(writer: Writer, operator: Operator) -> None:
    """Write what is a product or a quotient in ONNX."""
    frame = _frame(writer, operator)
    x = frame.read(operator.given[0])
    if operator.code == "RSQRT":
        made = writer.node("Reciprocal", [writer.node("Sqrt", [x])])
    else:
        base = x if operator.code == "SQUARE" else writer.node("Sub", [x, frame.read(operator.given[1])])
        made = writer.node("Mul", [base, base])
    frame.set(operator.output, made)


@writes("LEAKY_RELU", "ELU", "HARD_SWISH", "GELU")
def shaped(writer: Writer, operator: Operator) -> None:
    """Write an activation function with attributes."""
    frame = _frame(writer, operator)
    x, options = frame.read(operator.given[0]), operator.options
    if operator.code == "LEAKY_RELU":
        made = writer.node("LeakyRelu", [x], alpha=float(options.get("alpha", 0.0)))
    elif operator.code == "GELU":
        made = writer.node("Gelu", [x], approximate="tanh" if options.get("approximate", False) else "none")
    else:
        made = writer.node({"ELU": "Elu", "HARD_SWISH": "HardSwish"}[operator.code], [x])
    frame.set(operator.output, made)


@writes("PRELU", "ADD_N")
def plain(writer: Writer, operator: Operator) -> None:
    """Write an operator that ONNX has under another name: a ReLU with slopes, a sum of several tensors."""
    frame, op_type = _frame(writer, operator), {"PRELU": "PRelu", "ADD_N": "Sum"}[operator.code]
    frame.set(operator.output, writer.node(op_type, [frame.read(tensor) for tensor in operator.given]))


@writes(*_BINARY)
def binary(writer: Writer, operator: Operator) -> None:
    """Write arithmetic on two tensors that broadcast."""
    frame = _frame(writer, operator)
    made = writer.node(_BINARY[operator.code], [frame.read(tensor) for tensor in operator.given])
    frame.set(operator.output, activated(writer, made, operator))


@writes(*_COMPARISONS)
def comparison(writer: Writer, operator: Operator) -> None:
    """Write a comparison; texts are not compared."""
    frame = _frame(writer, operator)
    op_type, opposite = _COMPARISONS[operator.code]
    made = writer.node(op_type, [frame.read(tensor) for tensor in operator.given])
    frame.set(operator.output, writer.node("Not", [made]) if opposite else made)


@writes("FLOOR_DIV", "FLOOR_MOD")
def whole(writer: Writer, operator: Operator) -> None:
    """Write quotient and remainder of a division that rounds down, which ONNX's Mod is for integers alone."""
    frame = _frame(writer, operator)
    x, y = (frame.read(tensor) for tensor in operator.given)
    is_float = operator.output.type == "FLOAT32"
    if is_float and operator.code == "FLOOR_DIV":
        made = writer.node("Floor", [writer.node("Div", [x, y])])
    elif is_float:
        zero, rest = writer.constant(np.float32(0)), writer.node("Mod", [x, y], fmod=1)
        opposite = writer.node("Xor", [writer.node("Less", [rest, zero]), writer.node("Less", [y, zero])])
        lacks = writer.node("And", [opposite, writer.node("Not", [writer.node("Equal", [rest, zero])])])
        made = writer.node("Where", [lacks, writer.node("Add", [rest, y]), rest])
    elif operator.code == "FLOOR_MOD":
        made = writer.node("Mod", [x, y])
    else:
        made = writer.node("Div", [writer.node("Sub", [x, writer.node("Mod", [x, y])]), y])
    frame.set(operator.output, made)


@writes("ATAN2")
def arc_tangent(writer: Writer, operator: Operator) -> None:
    """Write the angle of (x, y) by half of it: 2 * atan(y / (sqrt(x^2 + y^2) + x)), and pi where that is 0 / 0."""
    frame = _frame(writer, operator)
    y, x = (frame.read(tensor) for tensor in operator.given)
    zero = writer.constant(np.float32(0))
    radius = writer.node("Sqrt", [writer.node("Add", [writer.node("Mul", [x, x]), writer.node("Mul", [y, y])])])
    half = writer.node("Atan", [writer.node("Div", [y, writer.node("Add", [radius, x])])])
    angle = writer.node("Mul", [half, writer.constant(np.float32(2))])
    turned = writer.node("Where", [writer.node("Less", [x, zero]), writer.constant(np.float32(np.pi)), zero])
    frame.set(operator.output, writer.node("Where", [writer.node("Equal", [y, zero]), turned, angle]))


@writes("BITWISE_XOR", "RIGHT_SHIFT")
def bits(writer: Writer, operator: Operator) -> None:
    """Write arithmetic on bits; ONNX shifts integers without a sign alone: others are divided by a power of 2."""
    frame = _frame(writer, operator)
    inputs = [frame.read(tensor) for tensor in operator.given]
    if operator.code == "BITWISE_XOR":
        made = writer.node("Xor" if operator.output.type == "BOOL" else "BitwiseXor", inputs)
    else:
        x, places = (writer.cast(name, "INT64") for name in inputs)
        power = writer.node("Pow", [writer.constant(np.int64(2)), places])
        whole = writer.node("Sub", [x, writer.node("Mod", [x, power])])
        made = writer.cast(writer.node("Div", [whole, power]), operator.output.type)
    frame.set(operator.output, made)


@writes("SELECT", "SELECT_V2")
def select(writer: Writer, operator: Operator) -> None:
    """Write a choice; a condition of one axis chooses among whole rows in SELECT."""
    condition, x, y = operator.given
    frame = _frame(writer, operator)
    chosen = frame.read(condition)
    if operator.code == "SELECT" and condition.rank == 1 and x.rank > 1:
        chosen = writer.reshape(writer.value(condition), (condition.shape[0], *[1] * (x.rank - 1)))
    frame.set(operator.output, _chosen(writer, chosen, frame.read(x), frame.read(y), operator.output))


def _chosen(writer: Writer, condition: str, x: str, y: str, made: Tensor) -> str:
    """Return a choice, in the types that ONNX Runtime has it for: truths by And and Or, other integers as int64."""
    kind = made.type if made.quantization is None else "FLOAT32"
    if kind == "BOOL":
        otherwise = writer.node("And", [writer.node("Not", [condition]), y])
        return writer.node("Or", [writer.node("And", [condition, x]), otherwise])
    if kind in _WITHOUT_WHERE:
        whole = writer.node("Where", [condition, writer.cast(x, "INT64"), writer.cast(y, "INT64")])
        return writer.cast(whole, kind)
    return writer.node("Where", [condition, x, y])


@writes("CAST")
def cast(writer: Writer, operator: Operator) -> None:
    """Write a change of type."""
    frame = _frame(writer, operator)
    frame.set(operator.output, writer.cast(frame.read(operator.given[0]), operator.output.type))


@writes("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT")
def change_of_type(writer: Writer, operator: Operator) -> None:
    """Write a change of grid: values are real numbers, and an output's own integers round them."""
    if operator.code == "FAKE_QUANT":
        raise refuse(operator, "a fake quantization")
    frame = _frame(writer, operator)
    frame.set(operator.output, frame.read(operator.given[0]))


@writes("ZEROS_LIKE")
def zeros(writer: Writer, operator: Operator) -> None:
    """Write zeros in the shape of the input."""
    shape = writer.node("Shape", [writer.value(operator.given[0])])
    value = np.zeros((), operator.output.dtype)
    writer.set(operator.output, writer.node("Expand", [writer.constant(value), shape]))


def _frame(writer: Writer, operator: Operator) -> Frame:
    inputs: list[Tensor] = operator.given
    return Frame(writer, inputs, operator.output.rank)
