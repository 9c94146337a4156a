"""Which layer is to blame for a quantized model's error, and why."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from edgequant_converters import IDENTICAL_DB

from ._cause import Cause
from ._result import LayerComparison

STANDS_OUT_DB = 10.0
"""A layer stands out if its own SQNR is this much below the median of the other layers that have an error ..."""

POOR_DB = 20.0
"""... or below this, whatever the others have: the error is a tenth of the signal."""


def standing_out(layers: Sequence[LayerComparison]) -> tuple[int, ...]:
    """Return the numbers of the layers whose own error stands out, in order of execution."""
    return tuple(layer.number for layer in layers if _stands_out(layer, layers))


def culprit_of(layers: Sequence[LayerComparison], causes: Mapping[int, Cause]) -> int | None:
    """Return the layer to blame among those that stand out (the keys of `causes`); None if there are none.

    It is the one with the lowest own SQNR. If neither its weights nor its output explain its error, and a layer that it
    reads stands out as well, it is that one: both disagree on the scale of what lies between them.
    """
    culprit = _worst(layers, causes)
    while culprit is not None and causes[culprit].may_be_upstream:
        source = _worst(layers, [number for number in layers[culprit].inputs if number in causes])
        if source is None:
            break
        culprit = source
    return culprit


def _worst(layers: Sequence[LayerComparison], numbers: Iterable[int]) -> int | None:
    """Return the layer with the lowest own SQNR, the earlier of equal ones."""
    return min(numbers, key=lambda number: _decibels(layers[number]), default=None)


def steepest_fall(layers: Sequence[LayerComparison]) -> int | None:
    """Return the layer at which the accumulated SQNR falls most below the lowest of the layers it reads."""
    falls = {layer.number: _fall(layer, layers) for layer in layers}
    worst = max(falls, key=lambda number: falls[number], default=None)
    return worst if worst is not None and falls[worst] > 0 else None


def median_of_others(layer: LayerComparison, layers: Sequence[LayerComparison]) -> float | None:
    """Return the median own SQNR of the other layers that have an own error; None if there are none."""
    others = [_decibels(other) for other in layers if other is not layer and _has_error(other)]
    return statistics.median(others) if others else None


def verdict(layers: Sequence[LayerComparison], culprit: int | None, causes: Mapping[int, Cause]) -> str:
    """Return the finding as a sentence."""
    if culprit is None:
        return _nothing_stands_out(layers)
    layer = layers[culprit]
    median = median_of_others(layer, layers)
    compared = "" if median is None else f" where the other layers have a median of {median:.1f} dB"
    reaches = "is not finite" if layer.alone_sqnr_db is None else f"reaches {layer.alone_sqnr_db:.1f} dB{compared}"
    sentence = f"The error comes from {layer.title}: alone it {reaches}"
    sentence += f", because {causes[culprit].text}"
    first = min(causes)
    if first != culprit:
        sentence += f"; the first layer that stands out is {layers[first].title}"
    others = [f"{number}" for number in causes if number not in (culprit, first)]
    if others:
        sentence += f"; layer{'s' * (len(others) > 1)} {', '.join(others)} stand{'s' * (len(others) == 1)} out too"
    return sentence + "."


def _nothing_stands_out(layers: Sequence[LayerComparison]) -> str:
    inexact = [layer for layer in layers if _has_error(layer)]
    if not inexact:
        return "No layer has an error of its own: the models agree everywhere."
    weakest = min(inexact, key=_decibels)
    median = median_of_others(weakest, layers)
    compared = "" if median is None else f", the median of the others {median:.1f} dB"
    return f"No layer stands out: the weakest alone is {weakest.title} with {weakest.alone_sqnr_db:.1f} dB{compared}."


def _stands_out(layer: LayerComparison, layers: Sequence[LayerComparison]) -> bool:
    if not _has_error(layer):
        return False
    median = median_of_others(layer, layers)
    return _decibels(layer) < POOR_DB or (median is not None and _decibels(layer) <= median - STANDS_OUT_DB)


def _has_error(layer: LayerComparison) -> bool:
    """Tell whether a layer has an own error to judge: not if it is exact, nor if the reference computes zeros alone."""
    return abs(_decibels(layer)) != IDENTICAL_DB


def _decibels(layer: LayerComparison) -> float:
    return -math.inf if layer.alone_sqnr_db is None else layer.alone_sqnr_db


def _fall(layer: LayerComparison, layers: Sequence[LayerComparison]) -> float:
    before = [known for number in layer.inputs if (known := layers[number].accumulated_sqnr_db) is not None]
    after = layer.accumulated_sqnr_db
    return min(before) - after if before and after is not None else 0.0
