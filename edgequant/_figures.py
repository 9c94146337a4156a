"""Figures as text, the same on terminals and pages."""

IDENTICAL_DB = 300.0
"""Stands for "no difference at all" (edgequant_converters.IDENTICAL_DB, which would load numpy)."""


def size(count: float) -> str:
    """Return bytes in the unit that suits them."""
    for unit, factor in (("MB", 1e6), ("KB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}" if count < 1000 * factor else f"{count / factor:,.0f} {unit}"
    return f"{count:.0f} bytes"


def time(microseconds: float) -> str:
    """Return a latency in the unit that suits it."""
    for unit, factor in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= factor:
            return f"{microseconds / factor:.3g} {unit}"
    return f"{microseconds:.3g} µs"


def percent(fraction: float | None) -> str:
    """Return a fraction of the samples."""
    return "n/a" if fraction is None else f"{100 * fraction:.2f} %"


def decibels(value: float | None) -> str:
    """Return an SQNR."""
    if value is None:
        return "n/a"
    return "exact" if value >= IDENTICAL_DB else f"{value:.1f} dB"
