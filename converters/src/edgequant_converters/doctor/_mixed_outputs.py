"""Outputs whose parts have very different ranges, such as boxes in pixels and scores from 0 to 1.

One tensor has one scale. If a part's range is a small fraction of the whole's, int8 gives it few steps: at 1/8, 32 of
256; at 1/300, none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ._edits import SplitOutput
from ._judge import Part
from ._network import Network
from ._statistics import TensorStatistics

FACTOR = 8.0
"""Parts whose ranges differ by this factor or more are mixed: the smaller has lost 3 of its 8 bits."""


OWN_SCALE = ("SOFTMAX", "LOGISTIC", "TANH")
"""Operators whose int8 outputs have a fixed scale: their range is what it is by their nature."""


@dataclass(frozen=True, slots=True)
class MixedOutput:
    """An output of the hub with the parts found in it and the width of each part's range.

    `edit` splits it; None if the operator that makes it (`made_by`) cannot be split.
    """

    name: str
    parts: tuple[Part, ...]
    widths: tuple[float, ...]
    made_by: str
    edit: SplitOutput | None

    @property
    def factor(self) -> float:
        """Return how many times the widest part's range is the narrowest's."""
        return max(self.widths) / max(min(self.widths), 1e-12)


def mixed_outputs(network: Network, statistics: Mapping[str, TensorStatistics]) -> Iterator[MixedOutput]:
    """Yield the outputs whose parts should not share a scale."""
    signature = network.model.signatureDefs[0]
    names = {entry.tensorIndex: entry.name.decode() for entry in signature.outputs}
    for number, index in enumerate(int(i) for i in network.graph.outputs):
        producer = next((op for op in network.graph.operators if index in op.outputs), None)
        seen = statistics.get(network.tensor_name(index))
        kind = "" if producer is None else network.type_of(producer)
        if producer is None or seen is None or kind in OWN_SCALE:
            continue
        rank = len(network.shape(index))
        if kind == "CONCATENATION":
            axis, at, widths = _joined_parts(network, producer, statistics)
        else:
            axis, (at, widths) = rank - 1, _channel_parts(seen.high - seen.low)
        if not at or max(widths) < FACTOR * min(widths):
            continue
        edges = (0, *at, network.shape(index)[axis])
        parts = tuple(Part(number, axis, start, stop) for start, stop in pairwise(edges))
        weighted = any(layer.output == index and layer.type != "DEPTHWISE_CONV_2D" for layer in network.layers)
        unread = not network.consumers(index)
        edit = SplitOutput(number, axis, at) if unread and (weighted or kind == "CONCATENATION") else None
        yield MixedOutput(names[index], parts, widths, kind, edit)


def _joined_parts(
    network: Network, producer: object, statistics: Mapping[str, TensorStatistics]
) -> tuple[int, tuple[int, ...], tuple[float, ...]]:
    inputs = [int(i) for i in producer.inputs]  # type: ignore[attr-defined]
    axis = int(producer.builtinOptions.axis) % len(network.shape(inputs[0]))  # type: ignore[attr-defined]
    sizes = [network.shape(i)[axis] for i in inputs]
    seen = [statistics.get(network.tensor_name(i)) for i in inputs]
    if any(one is None for one in seen):  # a constant is joined in
        return axis, (), ()
    widths = tuple(one.range[1] - one.range[0] for one in seen if one is not None)
    return axis, tuple(int(n) for n in np.cumsum(sizes)[:-1]), widths


def _channel_parts(widths: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Cut the channels in two where the gap between the narrower and the wider side is largest."""
    best, cut = 1.0, 0
    for place in range(1, len(widths)):
        left, right = widths[:place], widths[place:]
        gap = max(left.min() / max(right.max(), 1e-12), right.min() / max(left.max(), 1e-12))
        if gap > best:
            best, cut = float(gap), place
    if best < FACTOR:
        return (), ()
    return (cut,), (float(widths[:cut].max()), float(widths[cut:].max()))
