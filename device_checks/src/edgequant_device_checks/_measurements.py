"""Reads the latencies that `edgequant bench --json` wrote."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._errors import DeviceCheckError
from ._rules import FORMATS

# Median latency in microseconds by format and engine.
Measurements = Mapping[tuple[str, str], float]

_MAX_BYTES = 16 * 2**20
_LONGEST_US = 1e12  # eleven days


def read_measurements(path: str | os.PathLike[str]) -> dict[tuple[str, str], float]:
    """Return the median latency in microseconds of each format and engine, over their thread counts the least.

    The file holds `{"results": [{"format": "int8", "engine": "litert", "median_us": 812.0, ...}, ...]}`. Raises
    DeviceCheckError where it cannot be read, or a result lacks one of these.
    """
    try:
        with Path(path).open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
    except OSError as error:
        raise DeviceCheckError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, RecursionError):
        raise DeviceCheckError(f"{path} is not JSON: give the file that 'edgequant bench --json' wrote.") from None
    results = document.get("results") if isinstance(document, dict) else None
    if not isinstance(results, list) or not results:
        raise DeviceCheckError(f"{path} has no results: give the file that 'edgequant bench --json' wrote.")
    measured: dict[tuple[str, str], float] = {}
    for number, result in enumerate(results, 1):
        entry = _entry(path, number, result)
        if entry:
            key, median = entry
            measured[key] = min(median, measured.get(key, math.inf))
    if not measured:
        raise DeviceCheckError(f"{path} has no result of a known format: name them in its results[].format.")
    return measured


def _entry(path: str | os.PathLike[str], number: int, result: Any) -> tuple[tuple[str, str], float] | None:
    """Return (format, engine) and the median of one result, None for a model whose format `bench` could not tell."""
    fields = result if isinstance(result, dict) else {}
    form, engine, median = fields.get("format"), fields.get("engine"), fields.get("median_us")
    if form is None:
        return None
    if form not in FORMATS:
        raise DeviceCheckError(
            f"{path}: result {number} has format {str(form)[:40]!r}, which is none of {', '.join(FORMATS)}."
        )
    if not isinstance(engine, str) or not engine:
        raise DeviceCheckError(f"{path}: result {number} names no engine.")
    if isinstance(median, bool) or not isinstance(median, (int, float)) or not 0 < median < _LONGEST_US:
        raise DeviceCheckError(f"{path}: result {number} has no positive median_us.")
    return (form, engine), float(median)
