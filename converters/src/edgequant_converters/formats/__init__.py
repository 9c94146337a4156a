"""The number formats that networks are stored and computed in: what their bits mean, exactly, and who has them."""

from ._bits import Field, Number, StoredValue, decode, encode, stored
from ._catalogue import FORMATS, NumberFormat, format_named
from ._exact import exact_decimal, parse_number
from ._fixed_point import add, from_fixed, multiply, multiply_accumulate, to_fixed
from ._support import ArmFeature, Support, support_of

__all__ = [
    "FORMATS",
    "ArmFeature",
    "Field",
    "Number",
    "NumberFormat",
    "StoredValue",
    "Support",
    "add",
    "decode",
    "encode",
    "exact_decimal",
    "format_named",
    "from_fixed",
    "multiply",
    "multiply_accumulate",
    "parse_number",
    "stored",
    "support_of",
    "to_fixed",
]
