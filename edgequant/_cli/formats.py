"""`edgequant formats`: what number formats can hold, and what becomes of a number in them."""

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._multiply_accumulate import show_sums
from ._output import print_json, print_result
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant_converters.formats import Number, NumberFormat, StoredValue

EXAMPLE = """
**Examples**

`edgequant formats` for the tables

`edgequant formats 0.3333 --as bf16`

`edgequant formats 0xc0 --as q7` (stored bits instead of a value)

`edgequant formats -50` in every format

`edgequant formats --multiply-accumulate 500 -50 30 --as q7` (accumulator + a x b, on stored integers)
"""

ARGUMENTS = {"ignore_unknown_options": True}
"""Lets -50 be a value rather than an option."""

SHORT = 6
"""Digits of a value in a table; --json has all."""

LONGEST_ERROR = 60


def formats(
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[VALUE]", help="A number: 0.3333, -50, 1/3, inf; or stored bits with --as: 0x3eab, 0b1010."
        ),
    ] = None,
    as_format: Annotated[
        str | None, typer.Option("--as", metavar="FORMAT", help="Show one format: bf16, fp8, int8, q7, ...")
    ] = None,
    multiply_accumulate: Annotated[
        bool,
        typer.Option(
            "--multiply-accumulate",
            help="Show accumulator + a x b of three stored integers (500 -50 30), in int8 and q7 without --as.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, values with all digits.")] = False,
) -> None:
    """Show the number formats and who supports them, or how a number is stored, to the last bit and digit."""
    from edgequant_converters.formats import FORMATS, format_named

    chosen = FORMATS if as_format is None else (format_named(as_format),)
    if multiply_accumulate:
        show_sums(values or ["500", "-50", "30"], as_format, as_json)
    elif not values:
        _show_formats(chosen, as_json)
    elif len(values) > 1:
        raise EdgequantError(f"Give one value, not {len(values)}; three are for --multiply-accumulate.")
    else:
        found = [_store(values[0], each) for each in _able(values[0], chosen)]
        _show_stored(found, as_json, in_detail=as_format is not None)


def _show_formats(chosen: Iterable["NumberFormat"], as_json: bool) -> None:
    if as_json:
        print_json({"formats": [_format_json(each) for each in chosen]})
        return
    chosen = list(chosen)
    made = ("bits", "sign", "integer", "exponent", "fraction", "bias", "digits")
    print_table("number formats", ("format",), made, map(_made_row, chosen))
    print_result("")
    print_table("what they hold", ("format",), ("lowest", "max"), map(_range_row, chosen))
    print_result("")
    near = ("smallest normal", "smallest subnormal", "epsilon")
    print_table("how finely", ("format",), near, map(_near_row, chosen))
    print_result("")
    print_table("who has them", ("format", "torch", "LiteRT", "ONNX", "ARM"), (), map(_support_row, chosen))


def _made_row(f: "NumberFormat") -> tuple[str, ...]:
    widths = (f.bits, f.sign_bits, f.integer_bits, f.exponent_bits, f.fraction_bits)
    return (f.name, *map(str, widths), "" if f.bias is None else str(f.bias), str(f.decimal_digits))


def _range_row(f: "NumberFormat") -> tuple[str, ...]:
    return f.name, _short(f.lowest), f"1 - 2^-{f.fraction_bits}" if f.kind == "fixed" else _short(f.max)


def _near_row(f: "NumberFormat") -> tuple[str, ...]:
    return (f.name, *map(_short, (f.smallest_normal, f.smallest_subnormal, f.epsilon)))


def _support_row(f: "NumberFormat") -> tuple[str, ...]:
    from edgequant_converters.formats import support_of

    support = support_of(f)
    columns = ("torch", "litert", "onnx")
    cells = [(getattr(support, each), getattr(support, f"{each}_note")) for each in columns]
    arm = "; ".join(f"{feature.hwcap}: {feature.gives}" for feature in support.arm)
    return (f.name, *(f"{name} ({note})" if name and note else name or note for name, note in cells), arm or "none")


def _format_json(f: "NumberFormat") -> dict[str, Any]:
    from dataclasses import asdict

    from edgequant_converters.formats import exact_decimal, support_of

    def digits(value: Fraction | None) -> str | None:
        return None if value is None else exact_decimal(value)

    exact = ("lowest", "max", "smallest_normal", "smallest_subnormal", "epsilon")
    plain = ("name", "title", "kind", "bits", "sign_bits", "integer_bits", "exponent_bits", "fraction_bits", "bias")
    return {
        **{key: getattr(f, key) for key in plain},
        **{key: digits(getattr(f, key)) for key in exact},
        "decimal_digits": f.decimal_digits,
        "has_infinity": f.has_infinity,
        "aliases": list(f.aliases),
        "support": asdict(support_of(f)),
    }


def _able(value: str, chosen: tuple["NumberFormat", ...]) -> Iterable["NumberFormat"]:
    """Return the formats in which a value can be shown: not NaN in all of them, and bits in the one that was named."""
    from edgequant_converters.formats import parse_number

    if _is_pattern(value):
        if len(chosen) > 1:
            raise EdgequantError(f"{value} is stored bits, which mean something else in each format: add --as FORMAT.")
        return chosen
    is_nan = parse_number(value) != parse_number(value)
    return [each for each in chosen if each.kind == "float" or not is_nan] or chosen


def _is_pattern(value: str) -> bool:
    return value.lower().startswith(("0x", "0b"))


def _store(value: str, f: "NumberFormat") -> tuple["Number | None", "StoredValue"]:
    """Return what was asked for, None if that was bits, and what is stored."""
    from edgequant_converters.formats import encode, parse_number, stored

    if not _is_pattern(value):
        asked = parse_number(value)
        return asked, stored(encode(asked, f), f)
    try:
        return None, stored(int(value, 0), f)
    except ValueError:
        raise EdgequantError(f"'{value}' is not a bit pattern: write it like 0x3eab or 0b1010.") from None


def _show_stored(found: list[tuple["Number | None", "StoredValue"]], as_json: bool, in_detail: bool) -> None:
    if as_json:
        print_json({"stored": [_stored_json(*each) for each in found]})
    elif in_detail:
        _print_detail(*found[0])
    else:
        print_table("stored", ("format", "bits", "value"), ("error",), [_stored_row(*each) for each in found])


def _stored_row(asked: "Number | None", item: "StoredValue") -> tuple[str, ...]:
    return item.format.name, item.hexadecimal, _short(item.value, 20), _short(_error(asked, item), SHORT)


def _print_detail(asked: "Number | None", item: "StoredValue") -> None:
    from edgequant_converters.formats import exact_decimal

    rows = [(field.name, field.bits, field.meaning) for field in item.fields]
    print_table(f"{item.format.name}: {item.format.title}", ("field", "bits", "meaning"), (), rows)
    lines = {
        "bits": " ".join(field.bits for field in item.fields),
        "hexadecimal": item.hexadecimal,
        "value": exact_decimal(item.value),
    }
    if (error := _error(asked, item)) is not None:
        digits = _digits(error)
        lines["error"] = digits if len(digits) <= LONGEST_ERROR else _short(error)
    for name, text in lines.items():
        print_result(f"{name:<12} {text}")


def _stored_json(asked: "Number | None", item: "StoredValue") -> dict[str, Any]:
    from edgequant_converters.formats import exact_decimal

    error = _error(asked, item)
    return {
        "format": item.format.name,
        "bits": item.bits,
        "hexadecimal": item.hexadecimal,
        "fields": [{"name": field.name, "bits": field.bits, "meaning": field.meaning} for field in item.fields],
        "value": exact_decimal(item.value),
        "error": None if error is None else _digits(error),
    }


def _error(asked: "Number | None", item: "StoredValue") -> Fraction | None:
    """Return stored minus asked, exactly; None where either is no number."""
    import math

    if asked is None or not (math.isfinite(asked) and math.isfinite(item.value)):
        return None
    return Fraction(item.value) - Fraction(asked)


def _digits(error: Fraction) -> str:
    """Return all digits, or the fraction itself where they never end (the number asked for was one like 1/3)."""
    from edgequant_converters.formats import exact_decimal

    try:
        return exact_decimal(error)
    except ValueError:
        return str(error)


def _short(value: "Number | None", digits: int = SHORT) -> str:
    """Return a value in few digits, "~" before it if that is not all of it: a table has no room for more."""
    from decimal import Context, Decimal

    if value is None:
        return ""
    if isinstance(value, float):
        return str(value)
    if value.denominator == 1 and len(str(value)) <= 20:
        return str(value)
    rounded = Context(prec=digits).divide(Decimal(value.numerator), Decimal(value.denominator))
    small = 0 < abs(rounded) < Decimal("1e-3")
    return ("" if Fraction(rounded) == value else "~") + format(rounded.normalize(), "e" if small else "g")
