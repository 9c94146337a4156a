"""The Pareto fronts: which models are worth their cost."""

from collections.abc import Mapping, Sequence
from typing import Literal

from edgequant._errors import EdgequantError

from ._result import Front, Measure, ModelReport

Point = tuple[float, float]
"""Cost (less is better) and worth (more is better)."""


def choose_measure(models: Sequence[ModelReport], wanted: Measure | None = None) -> Measure:
    """Return what is wanted, or accuracy where it is known, or else the agreement with the reference, or else the SQNR.

    Raises EdgequantError if what is wanted is not known.
    """
    measures: tuple[Measure, ...] = ("accuracy", "agreement")
    known = [measure for measure in measures if all(model.worth(measure) is not None for model in models)]
    if wanted is None:
        return known[0] if known else "sqnr_db"
    if wanted in measures and wanted not in known:
        raise EdgequantError(f"The {wanted} is not known: it needs class scores, and accuracy needs labels too.")
    return wanted


def fronts(models: Sequence[ModelReport], measure: Measure, devices: Sequence[str]) -> tuple[Front, ...]:
    """Return the front of size, and one of latency for each device on which two models or more were measured."""
    worth = {model.file: value for model in models if (value := model.worth(measure)) is not None}
    found = [_front("bytes", None, {m.file: (m.bytes, worth[m.file]) for m in models if m.file in worth})]
    for device in devices:
        measured = {model.file: latency.median_us for model in models if (latency := model.latency(device))}
        points = {file: (cost, worth[file]) for file, cost in measured.items() if file in worth}
        if len(points) > 1:
            found.append(_front("median_us", device, points))
    return tuple(found)


def _front(cost: Literal["bytes", "median_us"], device: str | None, points: Mapping[str, Point]) -> Front:
    beaten = {}
    for file, point in points.items():
        winners = [other for other, its in points.items() if beats(its, point)]
        if winners:
            beaten[file] = max(winners, key=lambda name: (points[name][1], -points[name][0]))
    on = sorted((file for file in points if file not in beaten), key=lambda file: points[file])
    return Front(cost, device, tuple(on), beaten)


def beats(one: Point, other: Point) -> bool:
    """Whether `one` costs no more, is worth no less, and differs."""
    return one[0] <= other[0] and one[1] >= other[1] and one != other
