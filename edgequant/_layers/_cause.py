"""Why a layer has an error of its own: what its weights, range and output say."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from edgequant_converters import sqnr_db
from edgequant_converters.layers import LayerPair, Weights
from numpy.typing import NDArray

from ._statistics import LayerStatistics

POOR_WEIGHTS_DB = 20.0
WRONG_GAIN = 0.05
COARSE_RANGE = 0.25
CHANNELS_NAMED = 4


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a layer has an error of its own, as the end of a sentence ("because ...").

    `may_be_upstream`: neither the layer's weights nor its output explain the error. Then the scale of what it reads may
    be wrong: the layer was built for another one.
    """

    text: str
    may_be_upstream: bool = False


def causes_of(pair: LayerPair, measured: Sequence[LayerStatistics], suspects: Iterable[int]) -> dict[int, Cause]:
    """Return why each suspect has an error of its own, in order of execution.

    A layer whose output scale is not what a suspect that reads it was built for becomes a suspect too.
    """
    causes = {n: cause_of(measured[n], pair.weights(n), pair.layers[n].dtype) for n in suspects}
    for number in list(causes):
        mismatch = pair.built_for(number) if causes[number].may_be_upstream else None
        if mismatch is not None:
            built = f"the scale {mismatch.expected:.3g}, and not for {mismatch.actual:.3g}"
            causes[number] = Cause(f"it was built for an input with {built}", may_be_upstream=True)
            causes.setdefault(mismatch.source, Cause(f"layer {number}, which reads it, was built for {built}"))
    return dict(sorted(causes.items()))


def cause_of(layer: LayerStatistics, weights: Weights | None, dtype: str | None) -> Cause:
    """Return the first of these that explains a layer's own error.

    1. The weights are far from the reference's: channels exchanged, a factor (a wrong scale), or other values.
    2. Half of the error or more is what clipping takes from the reference's values.
    3. Half of the error or more is the rounding to the output's steps (scale^2 / 12 for each value).
    4. The output is a multiple of what it should be: a wrong scale.
    """
    if not math.isfinite(layer.alone.sqnr_db):
        return Cause("it computes NaN or infinity where the reference does not")
    if weights is not None and sqnr_db(weights.reference, weights.model) < POOR_WEIGHTS_DB:
        return Cause(_weights_cause(weights))
    if layer.grid is not None and layer.clipping_noise >= layer.alone.noise / 2:
        return Cause(_clipping_cause(layer, dtype))
    if layer.grid is not None and layer.grid.scale**2 / 12 >= layer.alone_mse / 2:
        return Cause(_rounding_cause(layer, dtype))
    if layer.gain is not None and abs(layer.gain - 1) > WRONG_GAIN and _is_a_factor(layer):
        text = f"its output is {layer.gain:.3g} times what it should be: its scale or that of its input is wrong"
        return Cause(text, may_be_upstream=True)
    if layer.grid is None:
        return Cause("its weights or its arithmetic are coarser than those of the others (its output is float)")
    text = "what it computes differs from the reference by more than its weights and its output's steps explain"
    return Cause(text, may_be_upstream=True)


def _weights_cause(weights: Weights) -> str:
    ours = np.moveaxis(weights.reference, weights.axis, 0).reshape(weights.reference.shape[weights.axis], -1)
    theirs = np.moveaxis(weights.model, weights.axis, 0).reshape(ours.shape)
    wrong = [i for i in range(len(ours)) if sqnr_db(ours[i], theirs[i]) < POOR_WEIGHTS_DB]
    exchanged = [i for i in wrong if _is_another(theirs[i], ours, i)]
    if exchanged:
        return f"the weights of its output channels {_listed(exchanged)} are exchanged"
    gains = {i: float(ours[i] @ theirs[i] / (ours[i] @ ours[i])) for i in wrong if ours[i].any()}
    scaled = {i: gain for i, gain in gains.items() if sqnr_db(gain * ours[i], theirs[i]) >= POOR_WEIGHTS_DB}
    if scaled:
        where = (
            "its weights" if len(scaled) == len(ours) else f"the weights of its output channels {_listed(list(scaled))}"
        )
        return f"{where} are about {np.median(list(scaled.values())):.2g} times the reference's: a scale is wrong"
    found = sqnr_db(weights.reference, weights.model)
    return f"its weights differ from the reference's (SQNR {found:.1f} dB)"


def _is_another(channel: NDArray[np.float32], channels: NDArray[np.float32], number: int) -> bool:
    """Tell whether a channel's weights are those of another one in the reference."""
    closest = int(np.square(channels - channel).sum(axis=1).argmin())
    return closest != number and sqnr_db(channels[closest], channel) >= POOR_WEIGHTS_DB


def _clipping_cause(layer: LayerStatistics, dtype: str | None) -> str:
    assert layer.grid is not None
    return (
        f"{layer.clipped:.2%} of its values are clipped: its {dtype} output holds {layer.grid.low:.4g} to "
        f"{layer.grid.high:.4g}, but the data spans {layer.low:.4g} to {layer.high:.4g}"
    )


def _is_a_factor(layer: LayerStatistics) -> bool:
    """Tell whether most of the error goes away once the output is divided by the gain."""
    sums = layer.alone
    return sums.energy - sums.product**2 / sums.signal < sums.noise / 4


def _rounding_cause(layer: LayerStatistics, dtype: str | None) -> str:
    assert layer.grid is not None
    rms = (layer.alone.signal / max(layer.values, 1)) ** 0.5
    step = f"the steps of its {dtype} output, {layer.grid.scale:.3g}, are coarse for values of {rms:.3g} (rms)"
    used = layer.range_used
    return step + (
        f", and only {used:.0%} of the integer range is used" if used is not None and used < COARSE_RANGE else ""
    )


def _listed(channels: list[int]) -> str:
    shown = [str(channel) for channel in channels[:CHANNELS_NAMED]]
    more = len(channels) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
