"""The formats there are. Every figure comes from ml_dtypes' and numpy's finfo and iinfo, none is typed in."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import ml_dtypes
import numpy as np

from edgequant_converters._errors import UnsupportedError

Kind = Literal["float", "integer", "fixed"]


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """One number format; all values are exact.

    A float is (-1)^sign x 2^(exponent field - bias) x (1 + fraction / 2^fraction_bits), or, with an exponent field of
    0, (-1)^sign x 2^(1 - bias) x fraction / 2^fraction_bits: a subnormal. An integer is two's complement, and a
    fixed-point number (Qn) is such an integer divided by 2^n, n = fraction_bits.
    """

    name: str
    title: str
    kind: Kind
    dtype: np.dtype[Any]
    """The numpy or ml_dtypes type of the stored bits: of Q7 it is int8."""
    bits: int
    sign_bits: int
    integer_bits: int
    """Value bits before the binary point of an integer or fixed-point number; 0 for floats."""
    exponent_bits: int
    fraction_bits: int
    bias: int | None
    lowest: Fraction
    max: Fraction
    smallest_normal: Fraction | None
    smallest_subnormal: Fraction | None
    epsilon: Fraction
    """Distance from 1 to the next larger float; for the others the step between neighbours."""
    decimal_digits: int
    """Floats: finfo's `precision`. Others: the decimal digits that any number of so many digits needs."""
    has_infinity: bool
    aliases: tuple[str, ...]

    @property
    def finite_patterns(self) -> int:
        """Of a float: how many bit patterns from 0 up, sign bit 0, are finite; the next is infinity, or NaN if none."""
        if self.has_infinity:
            return ((1 << self.exponent_bits) - 1) << self.fraction_bits
        return (1 << (self.bits - 1)) - 1  # E4M3FN: all ones alone is NaN


def format_named(name: str) -> NumberFormat:
    """Return the format of that name or alias; raises UnsupportedError that lists the names.

    Case, hyphens, underscores and spaces do not matter, and a number's module ("torch.float16") is left out.
    """
    wanted = _bare(name.lower().removeprefix("torch.").removeprefix("np.").removeprefix("numpy."))
    for candidate in FORMATS:
        if wanted in map(_bare, (candidate.name, *candidate.aliases)):
            return candidate
    names = ", ".join(candidate.name for candidate in FORMATS)
    raise UnsupportedError(f"'{name}' is not a number format edgequant knows; choose one of {names}.")


def _bare(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", "-_ "))


def _integer(name: str, dtype: Any, *aliases: str) -> NumberFormat:
    info = _iinfo(dtype)
    signed = int(info.min) < 0
    value_bits = int(info.bits) - signed
    return NumberFormat(
        name=name,
        title=f"{info.bits}-bit {'signed' if signed else 'unsigned'} integer",
        kind="integer",
        dtype=np.dtype(dtype),
        bits=int(info.bits),
        sign_bits=int(signed),
        integer_bits=value_bits,
        exponent_bits=0,
        fraction_bits=0,
        bias=None,
        lowest=Fraction(int(info.min)),
        max=Fraction(int(info.max)),
        smallest_normal=None,
        smallest_subnormal=None,
        epsilon=Fraction(1),
        decimal_digits=_decimal_digits(value_bits),
        has_infinity=False,
        aliases=aliases,
    )


def _fixed(fraction_bits: int, dtype: Any) -> NumberFormat:
    """Qn: a sign bit and n fraction bits, -1 up to, not including, 1."""
    info, step = _iinfo(dtype), Fraction(1, 1 << fraction_bits)
    return NumberFormat(
        name=f"q{fraction_bits}",
        title=f"fixed point, {fraction_bits} fraction bits",
        kind="fixed",
        dtype=np.dtype(dtype),
        bits=int(info.bits),
        sign_bits=1,
        integer_bits=int(info.bits) - 1 - fraction_bits,
        exponent_bits=0,
        fraction_bits=fraction_bits,
        bias=None,
        lowest=int(info.min) * step,
        max=int(info.max) * step,
        smallest_normal=None,
        smallest_subnormal=None,
        epsilon=step,
        decimal_digits=_decimal_digits(fraction_bits),
        has_infinity=False,
        aliases=(f"q0.{fraction_bits}", f"q1.{fraction_bits}"),
    )


def _float(name: str, title: str, dtype: Any, *aliases: str) -> NumberFormat:
    info = _finfo(dtype)
    return NumberFormat(
        name=name,
        title=title,
        kind="float",
        dtype=np.dtype(dtype),
        bits=int(info.bits),
        sign_bits=1,
        integer_bits=0,
        exponent_bits=int(info.bits) - 1 - int(info.nmant),
        fraction_bits=int(info.nmant),
        bias=1 - int(info.minexp),
        lowest=Fraction(float(info.min)),
        max=Fraction(float(info.max)),
        smallest_normal=Fraction(float(info.smallest_normal)),
        smallest_subnormal=Fraction(float(info.smallest_subnormal)),
        epsilon=Fraction(float(info.eps)),
        decimal_digits=int(info.precision),
        has_infinity=bool(np.isinf(np.array(np.inf).astype(dtype))),
        aliases=aliases,
    )


def _iinfo(dtype: Any) -> Any:
    return ml_dtypes.iinfo(dtype)  # type: ignore[no-untyped-call]


def _finfo(dtype: Any) -> Any:
    return ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]


def _decimal_digits(value_bits: int) -> int:
    return math.floor(value_bits * math.log10(2))


FORMATS: tuple[NumberFormat, ...] = (  # plain fp8 is the one that weights are stored in
    _float("fp64", "IEEE 754 binary64", np.float64, "float64", "double", "f64"),
    _float("fp32", "IEEE 754 binary32", np.float32, "float32", "float", "single", "f32"),
    _float("fp16", "IEEE 754 binary16", np.float16, "float16", "half", "f16"),
    _float("bf16", "bfloat16: the upper half of a binary32", ml_dtypes.bfloat16, "bfloat16", "brain float"),
    _float(
        "fp8-e4m3fn",
        "OCP 8-bit float, finite only",
        ml_dtypes.float8_e4m3fn,
        "fp8",
        "float8",
        "fp8-e4m3",
        "float8_e4m3fn",
        "float8_e4m3",
        "e4m3fn",
        "e4m3",
    ),
    _float("fp8-e5m2", "OCP 8-bit float", ml_dtypes.float8_e5m2, "float8_e5m2", "e5m2"),
    _integer("int64", np.int64),
    _integer("uint64", np.uint64),
    _integer("int32", np.int32),
    _integer("uint32", np.uint32),
    _integer("int16", np.int16),
    _integer("uint16", np.uint16),
    _integer("int8", np.int8),
    _integer("uint8", np.uint8),
    _integer("int4", ml_dtypes.int4),
    _fixed(31, np.int32),
    _fixed(15, np.int16),
    _fixed(7, np.int8),
)
"""All formats: floats, integers, fixed point; the widest first."""
