"""Why int8 loses accuracy: what can be seen before anything is tried, in sentences with figures."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from ._case import Case
from ._equalize import channel_groups
from ._mixed_outputs import MixedOutput
from ._network import Network
from ._statistics import TensorStatistics

UNEVEN = 16.0
"""A tensor is worth a sentence if its widest channel is this many times its median one: half have 4 bits or less."""

MOST = 3
"""How many tensors are named, worst first."""


def diagnose(
    case: Case, network: Network, statistics: Mapping[str, TensorStatistics], mixed: list[MixedOutput]
) -> tuple[str, ...]:
    """Return findings about the float graph and about where the error of plain int8 comes from."""
    return (*_error_shares(case), *_mixed(mixed), *_uneven(network, statistics), *_dead(network, statistics))


def _error_shares(case: Case) -> Iterator[str]:
    """With 16-bit activations only the weights are left in 8 bits."""
    plain, names = case.treatment, list(case.treatment.ranges)
    wide = case.fitted(replace(plain, precision=dict.fromkeys(names, "int16x8")))
    score = case.fitted(plain)
    if wide is None or score is None:
        return
    weights_alone, both = wide.sqnr_db, score.sqnr_db
    if weights_alone < both - 3:  # 16 bits lost what int8 leaves in float, which says nothing of the weights
        return
    culprit = "activations" if weights_alone > both + 3 else "weights"
    yield (
        f"The {culprit} lose most: SQNR is {both:.1f} dB with both in int8 and {weights_alone:.1f} dB with int8 "
        "weights and int16 activations (on calibration samples)."
    )


def _mixed(mixed: list[MixedOutput]) -> Iterator[str]:
    for output in mixed:
        parts = " and ".join(
            f"{part.start}..{part.stop - 1} (width {width:.4g})"
            for part, width in zip(output.parts, output.widths, strict=True)
        )
        steps = 255 / output.factor
        yield (
            f"Output '{output.name}' has parts of very different ranges on one scale: {parts} of axis "
            f"{output.parts[0].axis}; the narrowest gets {steps:.1f} of 255 steps."
        )


def _uneven(network: Network, statistics: Mapping[str, TensorStatistics]) -> Iterator[str]:
    found = []
    for layer in network.layers:
        seen = statistics.get(layer.name)
        live = seen.magnitude[seen.magnitude > 0] if seen is not None else np.zeros(0)
        if len(live) > 1 and live.max() >= UNEVEN * np.median(live):
            found.append((float(live.max() / np.median(live)), layer))
    scalable = {tensor for group in channel_groups(network) for tensor in group.tensors}
    for factor, layer in sorted(found, key=lambda pair: -pair[0])[:MOST]:
        cure = "can be evened out" if layer.output in scalable else "cannot be evened out, for what reads it"
        yield (
            f"The channels of '{short(layer.name)}' ({layer.type}) share a scale, and the widest is {factor:,.0f} "
            f"times the median one; they {cure}."
        )
    if len(found) > MOST:
        yield f"{len(found) - MOST} more layers have such channels."


def _dead(network: Network, statistics: Mapping[str, TensorStatistics]) -> Iterator[str]:
    counts = [
        int((statistics[layer.name].magnitude == 0).sum()) for layer in network.layers if layer.name in statistics
    ]
    if total := sum(counts):
        yield f"{total} channels in {sum(count > 0 for count in counts)} layers are zero on every calibration sample."


def short(name: str) -> str:
    """Return the end of a tensor's name, by which a person knows it: converters put the whole path before it."""
    return name if len(name) <= LONGEST else f"...{name[-LONGEST:]}"


LONGEST = 48
