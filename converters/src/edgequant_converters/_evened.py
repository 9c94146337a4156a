"""A float hub whose channels that share a scale have like ranges: an alternative that `_choose` measures.

Between a depthwise layer and the product behind it one channel may be a hundred times as wide as the others, which then
have two steps each. Dividing it where it is computed and multiplying where it is read changes nothing but that; see
`doctor._equalize`, whose groups and factors these are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._request import Ranges
from .calibration import Rounding
from .doctor._edits import ScaleChannels
from .doctor._equalize import ChannelGroup, channel_groups, group_scales
from .doctor._network import Network

Spans = Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""The smallest and largest value of each channel (the last axis) of tensors, by their names."""

ALPHA = 0.75
"""Three parts of the factors come from the activations, one from the weights that read them."""

UNEVEN = 8.0
"""Channels that share a scale are evened out if the widest one of a tensor is so many times its median one."""


@dataclass(frozen=True, slots=True)
class Evened:
    """A hub with the same outputs, and what each channel of its tensors was divided by."""

    hub: Path
    scales: Mapping[str, NDArray[np.float64]]

    def ranges(self, ranges: Ranges, spans: Spans) -> Ranges:
        """Return the ranges of this hub's tensors, from those of the first one: min-max where channels were scaled."""
        own = dict(ranges)
        for name, scale in self.scales.items():
            if name in own and name in spans:
                low, high = (ends / np.resize(scale, ends.size) for ends in spans[name])
                own[name] = float(low.min()), float(high.max())
        return own

    def rounding(self, rounding: Rounding) -> Rounding:
        """Return what the samples say of this hub's tensors."""
        means = {name: self._scaled(name, value) for name, value in rounding.means.items()}
        rows = {name: self._scaled(name, value) for name, value in rounding.rows.items()}
        return Rounding(means, rows, rounding.results)

    def _scaled(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        return values / np.resize(self.scales.get(name, np.ones(1)), values.shape[-1])


def evenable(hub: Path) -> frozenset[str]:
    """Return the names of the tensors of a .tflite whose channels may be scaled."""
    network = Network(hub.read_bytes())
    return frozenset(network.tensor_name(tensor) for group in _groups(network) for tensor in group.tensors)


def even_out(hub: Path, spans: Spans) -> Evened | None:
    """Write an evened copy beside a .tflite hub; None if no channels are uneven."""
    network = Network(hub.read_bytes())
    seen = {name: np.maximum(np.abs(low), np.abs(high)) for name, (low, high) in spans.items()}
    found, scales = list[ScaleChannels](), dict[str, NDArray[np.float64]]()
    for group in _groups(network):
        names = [network.tensor_name(tensor) for tensor in group.tensors]
        if not any(_unevenness(seen[name]) > UNEVEN for name in names if name in seen):
            continue
        factors = group_scales(network, group, seen, ALPHA)
        if factors is None:
            continue
        producers, consumers = (tuple(layer.name for layer in side) for side in (group.producers, group.consumers))
        found.append(ScaleChannels(producers, consumers, tuple(map(float, factors))))
        scales |= dict.fromkeys(names, factors)
    if not found:
        return None
    for edit in found:
        edit.apply(network)
    evened = hub.with_name(f"evened-{hub.name}")
    evened.write_bytes(network.to_bytes())
    return Evened(evened, scales)


def _groups(network: Network) -> list[ChannelGroup]:
    """Return the groups of channels that can be scaled, but for those that padding gives more channels."""
    return [
        group
        for group in channel_groups(network)
        if len({network.shape(tensor)[-1] for tensor in group.tensors if network.shape(tensor)}) == 1
    ]


def _unevenness(magnitudes: NDArray[np.float64]) -> float:
    live = magnitudes[magnitudes > 0]
    return float(live.max() / np.median(live)) if live.size else 1.0
