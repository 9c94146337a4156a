"""Bits of integers, from XOR and shifts to the right, which are all that LiteRT has."""

from typing import Any

import numpy as np
import onnx

from edgequant_converters.ir import NUMPY_TYPES, Builder, Tensor, broadcast_shapes

from ._cast import WIDENED, type_for
from ._integers import divide_exactly
from ._node import Node
from ._registry import LOWERINGS, Lowering, lowers
from ._types import held_in

_BITS = {"INT8": 8, "UINT8": 8, "INT16": 16, "UINT16": 16, "INT32": 32, "UINT32": 32, "INT64": 64, "UINT64": 64}


def _on_words(node: Node, build: Builder, code: str) -> Tensor:
    """Apply a bitwise operation to INT32; wider integers are two of them, smaller ones are widened."""
    x, y = node.input(0), node.input(1)
    if x.type not in _BITS:
        node.refuse(f"values of {x.type}")
    if _BITS[x.type] == 64:
        halves = _word(build, code, *(_bitcast(build, t, "INT32", (*t.shape, 2)) for t in (x, y)))
        return _bitcast(build, halves, x.type, halves.shape[:-1])
    if x.type == "UINT32":
        return _bitcast(build, _word(build, code, *(_bitcast(build, t, "INT32", t.shape) for t in (x, y))), x.type)
    return build.cast(_word(build, code, build.cast(x, "INT32"), build.cast(y, "INT32")), x.type)


def _word(build: Builder, code: str, x: Tensor, y: Tensor) -> Tensor:
    exclusive = _xor(build, x, y)
    if code == "Xor":
        return exclusive
    both = _and(build, x, y)
    return both if code == "And" else build.add(exclusive, both)


def _xor(build: Builder, x: Tensor, y: Tensor) -> Tensor:
    return build.op("BITWISE_XOR", [x, y], broadcast_shapes(x.shape, y.shape))


def _and(build: Builder, x: Tensor, y: Tensor) -> Tensor:
    # x + y = (x ^ y) + 2 * (x & y), for all bits but the lowest, so that no sum overflows; then the lowest.
    one = build.like(1, x)
    high = [_shifted(build, t, one) for t in (x, y)]
    low = [build.sub(t, build.add(half, half)) for t, half in zip((x, y), high, strict=True)]
    twice = build.sub(build.add(*high), _xor(build, *high))
    return build.add(twice, build.mul(*low))


def _shifted(build: Builder, x: Tensor, count: Tensor) -> Tensor:
    return build.op("RIGHT_SHIFT", [x, count], broadcast_shapes(x.shape, count.shape))


def _bitcast(build: Builder, x: Tensor, kind: str, shape: tuple[int, ...] | None = None) -> Tensor:
    wanted = x.shape if shape is None else shape
    if x.is_constant:
        return build.constant(np.frombuffer(x.values.tobytes(), NUMPY_TYPES[kind]).reshape(wanted), name=x.name)
    return build.op("BITCAST", [x], wanted, kind)


def _bitwise(code: str) -> Lowering:
    return lambda node, build: _on_words(node, build, code)


LOWERINGS.update({f"Bitwise{code}": _bitwise(code) for code in ("And", "Or", "Xor")})


@lowers("BitwiseNot")
def bitwise_not(node: Node, build: Builder) -> Tensor:
    """Invert every bit: -1 - x, in a type that has a sign."""
    x = node.input(0)
    if x.type not in _BITS or x.type == "UINT64":
        node.refuse(f"values of {x.type}")
    wide = x.type if x.type in ("INT32", "INT64") else "INT64" if x.type == "UINT32" else "INT32"
    return build.cast(build.sub(build.constant(-1, NUMPY_TYPES[wide]), build.cast(x, wide)), x.type)


@lowers("BitCast")
def bit_cast(node: Node, build: Builder) -> Tensor:
    """Read the same bits as another type of as many."""
    x, code = node.input(0), int(node.get("to", 0))
    kind = type_for(node, code)
    if code in WIDENED or NUMPY_TYPES[kind].itemsize != x.dtype.itemsize:
        node.refuse(f"to={onnx.TensorProto.DataType.Name(code)}: every kind of float becomes float32")
    return _bitcast(build, x, kind)


@lowers("BitShift")
def bit_shift(node: Node, build: Builder) -> Tensor:
    """Shift bits out to one side; to the left is a product with a power of two, which is looked up."""
    x, count = node.input(0), node.input(1)
    if x.type not in _BITS or x.type == "UINT64":
        node.refuse(f"values of {x.type}")
    wide = held_in(node, x.type)
    given, count = build.cast(x, wide), _all_bits_at_most(build, count, 8 * NUMPY_TYPES[wide].itemsize)
    if node.get("direction", "") == "LEFT":
        made = build.mul(given, _powers(build, count, NUMPY_TYPES[wide]))
    elif wide == "INT32":
        made = _shifted(build, given, build.binary("MINIMUM", count, build.like(31, count)))
    else:
        made = _shifted_int64(build, given, count)
    return build.cast(made, x.type)


def _all_bits_at_most(build: Builder, count: Tensor, bits: int) -> Tensor:
    """Return a count of bits as INT32; a negative one, and more than there are, shift all of them out."""
    count = build.cast(count, "INT32")
    every = build.like(bits, count)
    is_negative = build.binary("LESS", count, build.like(0, count))
    return build.select(is_negative, every, build.binary("MINIMUM", count, every))


def _shifted_int64(build: Builder, x: Tensor, count: Tensor) -> Tensor:
    """Return x divided by a power of two and rounded down; 2**62 is the last that INT64 has."""
    last = build.like(62, count)
    power = _powers(build, build.binary("MINIMUM", count, last), np.dtype(np.int64))
    quotient = divide_exactly(build, build.sub(x, build.binary("FLOOR_MOD", x, power)), power)
    sign = build.select(build.binary("LESS", x, build.like(0, x)), build.like(-1, x), build.like(0, x))
    return build.select(build.binary("GREATER", count, last), sign, quotient)


def _powers(build: Builder, count: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Return 2 to the power of each count, 0 where the type has no such bit."""
    bits = dtype.itemsize * 8
    table = build.constant(np.array([(1 << bit) & ((1 << bits) - 1) for bit in range(bits)], f"uint{bits}").view(dtype))
    table = build.concat([table, build.constant(np.zeros(1, dtype))], 0)
    last = build.constant(bits, np.int32)
    return build.gather(table, build.binary("MINIMUM", build.cast(count, "INT32"), last), 0)
