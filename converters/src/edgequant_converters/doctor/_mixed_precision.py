"""Mixed precision: the fewest layers off int8, those that help most, within a budget of bytes.

Greedy, as in Dong et al., "HAWQ" (ICCV 2019), but by measurement and not by a second derivative: every layer is tried
by itself in the wider format, and the one that helps the outputs most is taken; again with that layer taken, until the
goal is reached, nothing helps, or the number of layers or the budget is used up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgequant_converters._request import Sample

from ._latency import LatencyBudget
from ._treatment import Tick, Treatment, Workshop

WORTH_DB = 0.5
"""A layer that gains less is not worth a format of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What mixed precision may spend: layers off int8, bytes of the model file, and the time of an inference."""

    layers: int
    bytes: int
    latency: LatencyBudget | None = None

    def allow(self, model: Path, sample: Sample) -> bool:
        """Tell whether a model is within the bytes and the time."""
        return model.stat().st_size <= self.bytes and (self.latency is None or self.latency.allows(model, sample))

    def __str__(self) -> str:
        time = "" if self.latency is None else f" and {self.latency.milliseconds:g} ms"
        return f"{self.bytes:,} bytes{time}"


def widen_layer(
    workshop: Workshop,
    treatment: Treatment,
    kinds: Sequence[str],
    measure: Callable[[Treatment], float | None],
    affordable: Callable[[], bool],
    tick: Tick,
) -> tuple[Treatment, str, str] | None:
    """Return the treatment with the one layer widened that helps most, the layer's name and its format.

    `measure` gives a treatment's merit in dB, or None if it cannot be built; `affordable` tells whether the model that
    was measured last is within the limits. None if no layer gains WORTH_DB.
    """
    current = measure(treatment)
    if current is None:
        return None
    best, found = current + WORTH_DB, None
    layers = workshop.layers(treatment.edits)
    for done, names in enumerate(layers):
        tick(done, len(layers))
        if treatment.precision and names[0] in treatment.precision:
            continue
        for kind in kinds:
            tried = replace(treatment, precision={**(treatment.precision or {}), **dict.fromkeys(names, kind)})
            merit = measure(tried)
            if merit is not None and merit > best and affordable():
                best, found = merit, (tried, names[0], kind)
    return found
