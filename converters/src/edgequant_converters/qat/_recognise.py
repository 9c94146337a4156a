"""Recognising the values of a traced network among the tensors of the hub made from it.

Exporters rename tensors, permute them to NHWC, reshape and fuse; what stays is the values. So both networks are run on
the same inputs, and tensors are matched by their sorted values, which do not depend on names, layout or shape.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx

TOLERANCE = 1e-4
"""The largest difference between matching values, as a share of the largest one; float rounding leaves about 1e-6."""


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps the float tensors that it computes, by node name."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[str, NDArray[np.float32]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
            self.values[n.name] = value.detach().numpy().ravel()
        return value


def record(network: fx.GraphModule, probes: Sequence[Sequence[torch.Tensor]]) -> dict[str, NDArray[np.float32]]:
    """Return the sorted values of every float tensor of the graph over all probes, by node name."""
    recorded: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for probe in probes:
        recorder = _Recorder(network)
        with torch.no_grad():
            recorder.run(*probe)
        for name, value in recorder.values.items():
            recorded[name].append(value)
    return {name: np.sort(np.concatenate(values)) for name, values in recorded.items()}


class LearnedRanges:
    """A RangeCollector that knows the ranges in advance and finds out which tensor each belongs to.

    It is shown the hub's tensors on the same probes that `recorded` was made with. A tensor takes
    the range of the recorded value that is nearest to it, itself or padded with zeros (LiteRT pads strided convolutions
    in an operator of its own); one that is near to none gets no range.
    """

    def __init__(self, recorded: Mapping[str, NDArray[np.float32]], ranges: Mapping[str, tuple[float, float]]) -> None:
        self._recorded = [(values, ranges[name]) for name, values in recorded.items() if name in ranges]
        self._seen: dict[str, list[NDArray[np.float32]]] = defaultdict(list)

    def update(self, name: str, array: NDArray[Any]) -> None:
        """Add one probe's values of the hub's tensor `name`."""
        self._seen[name].append(array.ravel().copy())

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return (min, max) of each tensor that was recognised."""
        found = {name: self._match(np.sort(np.concatenate(values))) for name, values in self._seen.items()}
        return {name: limits for name, limits in found.items() if limits is not None}

    def _match(self, values: NDArray[np.float32]) -> tuple[float, float] | None:
        limit = TOLERANCE * float(np.max(np.abs(values), initial=0.0))
        alike = [(known, limits) for known, limits in self._recorded if _same_extremes(values, known, limit)]
        unpadded = [entry for entry in alike if entry[0].size == values.size]
        distances = [_distance(values, known) for known, _ in unpadded or alike]
        nearest = int(np.argmin(distances)) if distances else -1
        return (unpadded or alike)[nearest][1] if distances and distances[nearest] <= limit else None


def _same_extremes(values: NDArray[np.float32], known: NDArray[np.float32], limit: float) -> bool:
    """Tell, quickly, whether `values` can be `known`, perhaps with zeros among them."""
    if not 0 < known.size <= values.size:
        return False
    low, high = (known[0], known[-1]) if known.size == values.size else (min(known[0], 0.0), max(known[-1], 0.0))
    return bool(abs(values[0] - low) <= limit and abs(values[-1] - high) <= limit)


def _distance(values: NDArray[np.float32], known: NDArray[np.float32]) -> float:
    """Return the largest difference between sorted values, the missing ones being zeros."""
    if known.size < values.size:
        known = np.sort(np.concatenate([known, np.zeros(values.size - known.size, np.float32)]))
    return float(np.max(np.abs(values - known)))
