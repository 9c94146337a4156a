"""A table of what each step of a model costs in the native engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._tables import print_table

if TYPE_CHECKING:
    from edgequant_runtime import ProfileStep


def print_profile(name: str, steps: "Sequence[ProfileStep]") -> None:
    """Print the steps in the order in which they run, with their share of the time."""
    total = sum(step.microseconds for step in steps)
    rows = [
        (
            step.operators,
            str(step.first_operator),
            f"{step.microseconds:,.1f}",
            f"{100 * step.microseconds / total:.1f}" if total else "",
            f"{step.macs:,}" if step.macs else "",
            f"{step.macs / step.microseconds / 1e3:.2f}" if step.macs and step.microseconds else "",
        )
        for step in steps
    ]
    title = f"{name}: {total:,.1f} µs a run in {len(steps)} steps"
    print_table(title, ("operators",), ("first", "µs", "%", "MACs", "GMAC/s"), rows)
