"""Between numbers and bits, without rounding on the way: values are fractions, patterns are whole numbers."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from edgequant_converters._errors import UnsupportedError

from ._catalogue import NumberFormat

Number: TypeAlias = Fraction | float
"""A Fraction, or a float where no fraction will do: -0.0, infinities and NaN."""


@dataclass(frozen=True, slots=True)
class Field:
    """Some neighbouring bits of a pattern, the highest first, and what they say."""

    name: str
    bits: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StoredValue:
    """What becomes of a number in a format: its bits, field by field, and the value they stand for."""

    format: NumberFormat
    pattern: int
    value: Number
    fields: tuple[Field, ...]

    @property
    def bits(self) -> str:
        """The pattern in binary, the highest bit first."""
        return f"{self.pattern:0{self.format.bits}b}"

    @property
    def hexadecimal(self) -> str:
        """The pattern as 0x..., one digit for four bits."""
        return f"0x{self.pattern:0{self.format.bits // 4}x}"


def stored(pattern: int, number_format: NumberFormat) -> StoredValue:
    """Return what the bits `pattern` are in a format; raises UnsupportedError if they are more than it has."""
    value = decode(pattern, number_format)
    fields = _float_fields if number_format.kind == "float" else _integer_fields
    return StoredValue(number_format, pattern, value, fields(pattern, number_format))


def decode(pattern: int, number_format: NumberFormat) -> Number:
    """Return the value of a bit pattern, 0 <= pattern < 2^bits; raises UnsupportedError outside that."""
    if not 0 <= pattern < 1 << number_format.bits:
        raise UnsupportedError(f"{number_format.name} has {number_format.bits} bits, and {pattern:#x} needs others.")
    if number_format.kind == "float":
        return _decode_float(pattern, number_format)
    negative = number_format.sign_bits and pattern >> (number_format.bits - 1)
    return Fraction(pattern - (negative << number_format.bits), 1 << number_format.fraction_bits)


def encode(value: Number, number_format: NumberFormat) -> int:
    """Return the bit pattern nearest to `value`, ties to even.

    Beyond the range integers and fixed-point numbers saturate; floats become infinity, and E4M3FN, which has none,
    NaN: what numpy's, ml_dtypes' and torch's casts do. Raises UnsupportedError for the NaN of an integer.
    """
    if number_format.kind == "float":
        return _encode_float(value, number_format)
    if isinstance(value, float) and math.isnan(value):
        raise UnsupportedError(f"{number_format.name} holds numbers only, no NaN: take a float format.")
    if isinstance(value, float) and math.isinf(value):
        value = number_format.max if value > 0 else number_format.lowest
    clamped = min(max(Fraction(value), number_format.lowest), number_format.max)
    # round() of a Fraction is exact and takes ties to even; -1 % 256 is the two's complement of -1 in 8 bits.
    return round(clamped * (1 << number_format.fraction_bits)) % (1 << number_format.bits)


def _decode_float(pattern: int, f: NumberFormat) -> Number:
    assert f.bias is not None
    negative, magnitude = divmod(pattern, 1 << (f.bits - 1))
    sign = -1 if negative else 1
    if magnitude >= f.finite_patterns:
        return sign * math.inf if f.has_infinity and magnitude == f.finite_patterns else math.nan
    if pattern and not magnitude:
        return -0.0
    exponent, fraction = divmod(magnitude, 1 << f.fraction_bits)
    hidden = (1 << f.fraction_bits) if exponent else 0
    return sign * (hidden + fraction) * Fraction(2) ** (max(exponent, 1) - f.bias - f.fraction_bits)


def _encode_float(value: Number, f: NumberFormat) -> int:
    assert f.bias is not None
    sign = (isinstance(value, float) and math.copysign(1, value) < 0) or value < 0
    if isinstance(value, float) and math.isnan(value):
        # The quiet NaN: the upper half of the patterns beyond infinity, or the one that E4M3FN has.
        magnitude = f.finite_patterns + ((1 << (f.fraction_bits - 1)) if f.has_infinity else 0)
    elif isinstance(value, float) and math.isinf(value):
        magnitude = f.finite_patterns
    else:
        magnitude = _round_to_pattern(abs(Fraction(value)), f)
    return (int(sign) << (f.bits - 1)) | magnitude


def _round_to_pattern(value: Fraction, f: NumberFormat) -> int:
    """Return the pattern of a value >= 0; patterns of one sign grow with their values, so that a carry is right."""
    if not value:
        return 0
    assert f.bias is not None
    exponent = max(_floor_log2(value), 1 - f.bias)
    significand = round(value / Fraction(2) ** (exponent - f.fraction_bits))
    return min(((exponent + f.bias - 1) << f.fraction_bits) + significand, f.finite_patterns)


def _floor_log2(value: Fraction) -> int:
    estimate = value.numerator.bit_length() - value.denominator.bit_length()
    return estimate if Fraction(2) ** estimate <= value else estimate - 1


def _float_fields(pattern: int, f: NumberFormat) -> tuple[Field, ...]:
    assert f.bias is not None
    bits = f"{pattern:0{f.bits}b}"
    exponent, fraction = int(bits[1 : 1 + f.exponent_bits], 2), int(bits[1 + f.exponent_bits :], 2)
    if pattern % (1 << (f.bits - 1)) >= f.finite_patterns:
        power, share = "reserved", "infinity" if f.has_infinity and not fraction else "NaN"
    else:
        scale = f"2^{max(exponent, 1) - f.bias}"
        power = f"{exponent} - {f.bias}: x {scale}" if exponent else f"0: subnormal, x {scale}"
        share = f"x ({1 if exponent else 0} + {fraction}/{1 << f.fraction_bits})"
    return (
        Field("sign", bits[0], "-" if bits[0] == "1" else "+"),
        Field("exponent", bits[1 : 1 + f.exponent_bits], power),
        Field("fraction", bits[1 + f.exponent_bits :], share),
    )


def _integer_fields(pattern: int, f: NumberFormat) -> tuple[Field, ...]:
    bits = f"{pattern:0{f.bits}b}"
    value_bits = f.bits - f.sign_bits
    rest = pattern % (1 << value_bits)
    step = f"/{1 << f.fraction_bits}" if f.fraction_bits else ""
    fields = [Field("fraction" if f.fraction_bits else "integer", bits[f.sign_bits :], f"+ {rest}{step}")]
    if f.sign_bits:
        weight = 1 << (value_bits - f.fraction_bits)
        fields.insert(0, Field("sign", bits[0], f"- {weight}" if bits[0] == "1" else "0"))
    return tuple(fields)
