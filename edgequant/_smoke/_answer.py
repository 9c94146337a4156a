"""What programs on a board print: JSON from anywhere, of which only what JSON and Unicode allow is let in."""

import json
import math
from typing import Any

_DEEPEST = 100
_LARGEST = 2**63 - 1


def read_object(text: str) -> dict[str, Any] | None:
    """Return a JSON object, None if the text is none. What is no Unicode becomes `?`.

    NaN, infinities, integers of more than 64 bits and lists in lists in lists without end are no JSON here.
    """
    try:
        found = _tidy(json.loads(text, parse_int=_sized, parse_float=_finite, parse_constant=_finite), 0)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def whole(value: object) -> int:
    """Return a value of such an object that must be a whole number; raises TypeError, as `real` does."""
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def real(value: object) -> float:
    """Return a value that must be a number."""
    return value if isinstance(value, float) else float(whole(value))


def printable(text: str) -> str:
    """Return the text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _sized(text: str) -> int:
    if abs(int(text)) > _LARGEST:
        raise ValueError(text)
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _tidy(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_tidy(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_tidy(key, depth): _tidy(item, depth + 1) for key, item in value.items()}
    return value
