"""Mixed precision: the fewest layers off int8, those that help most, within a budget of bytes.

Greedy, as in Dong et al., "HAWQ" (ICCV 2019), but by measurement and not by a second derivative: every layer is tried
by itself in the wider format, and the one that helps the outputs most is taken; again with that layer taken, until the
goal is reached, nothing helps, or the number of layers or the budget is used up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ._treatment import Tick, Treatment, Workshop

WORTH_DB = 0.5
"""A layer that gains less is not worth a format of its own."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What mixed precision may spend: layers off int8, and bytes of the model file."""

    layers: int
    bytes: int


def widen_layer(
    workshop: Workshop,
    treatment: Treatment,
    kinds: Sequence[str],
    measure: Callable[[Treatment], tuple[float, int] | None],
    limit: int,
    tick: Tick,
) -> tuple[Treatment, str, str] | None:
    """Return the treatment with the one layer widened that helps most, the layer's name and its format.

    `measure` gives a treatment's merit in dB and its model's bytes, or None if it cannot be built; models above `limit`
    bytes are out. None if no layer gains WORTH_DB.
    """
    current = measure(treatment)
    if current is None:
        return None
    best, found = current[0] + WORTH_DB, None
    layers = workshop.layers(treatment.edits)
    for done, names in enumerate(layers):
        tick(done, len(layers))
        if treatment.precision and names[0] in treatment.precision:
            continue
        for kind in kinds:
            tried = replace(treatment, precision={**(treatment.precision or {}), **dict.fromkeys(names, kind)})
            outcome = measure(tried)
            if outcome is not None and outcome[1] <= limit and outcome[0] > best:
                best, found = outcome[0], (tried, names[0], kind)
    return found
