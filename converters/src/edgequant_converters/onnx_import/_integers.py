"""Arithmetic of integers that LiteRT lacks, from what it has; every result is exact."""

from edgequant_converters.ir import Builder, Tensor

_ROUNDS = 3  # each finds about 22 more bits of a quotient, and there are 64
_EXPONENT_BITS = 6  # 2**63 is the last power that a 64-bit integer holds


def truncated_remainder(build: Builder, x: Tensor, y: Tensor) -> Tensor:
    """Return what is left of x / y rounded to zero, C's fmod and %: it has the sign of x."""
    floored = build.binary("FLOOR_MOD", x, y)
    zero = build.like(0, x)
    left, right = (build.unary("SIGN", t) if t.type == "FLOAT32" else sign_of_integers(build, t) for t in (floored, x))
    other_side = build.binary("LESS", build.mul(left, right), zero)
    return build.select(other_side, build.sub(floored, y), floored)


def sign_of_integers(build: Builder, x: Tensor) -> Tensor:
    """Return -1, 0 or 1."""
    return build.binary("MAXIMUM", build.binary("MINIMUM", x, build.like(1, x)), build.like(-1, x))


def divide_int64(build: Builder, x: Tensor, y: Tensor) -> Tensor:
    """Return x / y of INT64 rounded to zero."""
    return divide_exactly(build, build.sub(x, truncated_remainder(build, x, y)), y)


def divide_exactly(build: Builder, x: Tensor, y: Tensor) -> Tensor:
    """Return x / y of INT64, of which nothing is left: float quotients, each of what the ones before left."""
    quotient, rest = None, x
    for _ in range(_ROUNDS):
        part = build.div(build.cast(rest, "FLOAT32"), build.cast(y, "FLOAT32"))
        part = build.cast(build.unary("ROUND", part), "INT64")
        quotient = part if quotient is None else build.add(quotient, part)
        rest = build.sub(x, build.mul(quotient, y))
    assert quotient is not None
    return quotient


def power_int64(build: Builder, x: Tensor, exponent: Tensor) -> Tensor:
    """Return x (INT64) to the power of `exponent` (INT32, 0 to 63), by squares."""
    one, two = build.like(1, x), build.like(2, exponent)
    result = one
    for bit in range(_EXPONENT_BITS):
        is_odd = build.binary("EQUAL", build.binary("FLOOR_MOD", exponent, two), build.like(1, exponent))
        result = build.mul(result, build.select(is_odd, x, one))
        if bit + 1 < _EXPONENT_BITS:
            x, exponent = build.mul(x, x), build.div(exponent, two)
    return result
