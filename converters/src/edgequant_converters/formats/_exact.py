"""Numbers as people write them, to fractions and back, without losing a digit."""

import math
import re
from decimal import Context, Decimal
from fractions import Fraction

from edgequant_converters._errors import UnsupportedError

from ._bits import Number

SPECIAL = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}

LARGEST_EXPONENT = 5000
"""Powers of ten that are read; fp64, the widest format, ends at 308. It keeps 1e999999999 from filling the memory."""


def parse_number(text: str) -> Number:
    """Return the exact value of "0.3333", "-1/3", "6.02e23", "inf" or "nan"; raises UnsupportedError for other text."""
    cleaned = text.strip().lower()
    negative, unsigned = cleaned.startswith("-"), cleaned.lstrip("+-")
    if len(cleaned) - len(unsigned) <= 1:
        if unsigned in SPECIAL:
            return -SPECIAL[unsigned] if negative else SPECIAL[unsigned]
        exponent = re.search(r"e([+-]?[0-9]+)$", unsigned)
        if exponent is None or abs(int(exponent[1][:9])) <= LARGEST_EXPONENT:
            try:
                value = Fraction(cleaned)
            except (ValueError, ZeroDivisionError):
                pass
            else:
                return -0.0 if negative and not value else value
    raise UnsupportedError(f"'{text}' is not a number: write it like 0.3333, -50, 6.1e-5, 1/3, inf or nan.")


def exact_decimal(value: Number) -> str:
    """Return all decimal digits of a value: plain from 1e-7 up, in scientific notation below that.

    Every stored value has an end, its denominator being a power of two. Raises ValueError for fractions like 1/3.
    """
    if isinstance(value, float):
        return str(value)
    twos = (value.denominator & -value.denominator).bit_length() - 1
    fives, rest = 0, value.denominator >> twos
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        raise ValueError(f"{value} has no finite decimal expansion")
    # n / (2^a 5^b) = n 2^(p-a) 5^(p-b) / 10^p
    places = max(twos, fives)
    digits = value.numerator * 2 ** (places - twos) * 5 ** (places - fives)
    decimal = Decimal(digits).scaleb(-places, Context(prec=len(str(abs(digits))) + 1))
    return format(decimal, "f") if not value or abs(value) >= Fraction(1, 10**7) else str(decimal)
