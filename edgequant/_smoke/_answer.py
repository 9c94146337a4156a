"""What programs on a board print: JSON from anywhere, of which only what JSON and Unicode allow is let in."""

import json
import math
from typing import Any


def read_object(text: str) -> dict[str, Any] | None:
    """Return a JSON object, None if the text is none. NaN and infinities are none; what is no Unicode becomes `?`."""
    try:
        found = json.loads(text, parse_float=_finite, parse_constant=_finite)
        found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def printable(text: str) -> str:
    """Return the text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)
