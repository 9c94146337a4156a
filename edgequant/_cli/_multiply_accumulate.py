"""One step of a dot product, shown: what the same bits give in different formats."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from edgequant._errors import EdgequantError

from ._output import print_json, print_result
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant_converters.formats import NumberFormat

COMPARED = ("int8", "q7")


def show_sums(values: Sequence[str], as_format: str | None, as_json: bool) -> None:
    """Print accumulator + a x b of three stored integers, step by step; raises EdgequantError for other values."""
    from edgequant_converters.formats import format_named

    try:
        accumulator, a, b = map(int, values)
    except ValueError:
        raise EdgequantError(
            "--multiply-accumulate takes three whole numbers as they are stored, accumulator, a and b: 500 -50 30."
        ) from None
    sums = [_sum(accumulator, a, b, format_named(name)) for name in ([as_format] if as_format else COMPARED)]
    if as_json:
        print_json({"multiply_accumulate": sums})
        return
    for one in sums:
        rows = [(name.replace("_", " "), str(step["integer"]), step["value"]) for name, step in one["steps"].items()]
        print_table(f"{one['format']}: accumulator + a x b", ("step",), ("stored", "stands for"), rows)
        print_result(f"Exact would be {one['exact']}.{' It saturated.' if one['saturated'] else ''}")


def _sum(accumulator: int, a: int, b: int, f: "NumberFormat") -> dict[str, Any]:
    """Return the steps as JSON values: stored integers and, with all their digits, what they stand for."""
    from edgequant_converters.formats import exact_decimal, multiply_accumulate

    total = int(multiply_accumulate(accumulator, a, b, f))  # it refuses what is no number of the format
    n = f.fraction_bits

    def step(integer: int, fraction_bits: int = n) -> dict[str, Any]:
        return {"integer": integer, "value": exact_decimal(Fraction(integer, 1 << fraction_bits))}

    shifted = a * b >> n
    exact = Fraction(accumulator, 1 << n) + Fraction(a * b, 1 << 2 * n)
    return {
        "format": f.name,
        "steps": {
            "accumulator": step(accumulator),
            "a": step(a),
            "b": step(b),
            "a_x_b": step(a * b, 2 * n),
            "shifted": step(shifted),
            "sum": step(total),
        },
        "exact": exact_decimal(exact),
        "saturated": total != accumulator + shifted,
    }
