"""Ranges that end where the next operator tells no values apart: masks before a softmax, and arguments of sigmoids.

An attention mask of -1e9 or minus infinity would take all steps of an int8 tensor for itself. But a softmax does not
tell 10 below the smallest score from minus infinity: e^-10 is less than int8 can say of its result. So masks, and what
they are added to, end there. Likewise a sigmoid's argument ends at 8, a hyperbolic tangent's at 5, and that of
x sigmoid(x), the SiLU of most detectors, where the product is 0 to a fraction of a step.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgequant_converters.ir import Graph, Operator, Tensor

from ._grids import Range, is_float
from ._specification import INT8, OPERATORS, Scales

BELOW = 10.0
"""So far below the smallest score a masked one is as good as gone."""

SATURATED = {"LOGISTIC": 8.0, "TANH": 5.0}
"""Beyond it the result is within a sixth of an int8 step of its limit."""

FLAT_BELOW = {"HARD_SWISH": -3.0, "ELU": -6.0, "GELU": -4.0}
"""Below it the result is the same to less than an int8 step of the usual ranges."""

EXTREME = -1e3
"""What is below it in a mask means "never"."""


@dataclass
class Clipped:
    """The ranges that masks and masked scores get instead of their own: of computed tensors by name, and constants."""

    computed: dict[str, Range] = field(default_factory=dict)
    constants: dict[Tensor, Range] = field(default_factory=dict)

    def narrow(self, tensor: Tensor, low: float, high: float) -> None:
        """Give a tensor a range; one that is masked several times has the widest."""
        if tensor.is_constant:
            before = self.constants.get(tensor, (low, high))
            self.constants[tensor] = min(before[0], low), max(before[1], high)
        else:
            before = self.computed.get(tensor.name, (low, high))
            self.computed[tensor.name] = min(before[0], low), max(before[1], high)


def clip_masks(graph: Graph, ranges: dict[str, Range]) -> Clipped:
    """Return the ranges to use instead, for every mask that goes into a softmax."""
    clipped, producers, users = Clipped(), graph.producers(), graph.users()
    for softmax in graph.operators:
        if softmax.code != "SOFTMAX" or softmax.inputs[0] is None:
            continue
        moved: list[Tensor] = [softmax.inputs[0]]
        operator = producers.get(moved[-1])
        while operator is not None and _only_moves(operator):
            source = next(tensor for tensor in operator.given if is_float(tensor))
            moved.append(source)
            operator = producers.get(source)
        if operator is None or any(len(users.get(tensor, ())) > 1 for tensor in moved):
            continue
        _clip(operator, moved, ranges, producers, clipped)
    return clipped


def clip_saturated(graph: Graph, ranges: dict[str, Range], kinds: Mapping[Operator, str]) -> dict[str, Range]:
    """Return the ranges to use instead for tensors whose int8 readers, directly or moved, tell no more apart."""
    return _Saturation(graph, ranges, kinds).clipped()


class _Saturation:
    """Asks the readers of each tensor which of its values they tell apart."""

    def __init__(self, graph: Graph, ranges: Mapping[str, Range], kinds: Mapping[Operator, str]) -> None:
        self._graph, self._ranges, self._kinds = graph, ranges, kinds
        self._users, self._producers = graph.users(), graph.producers()

    def clipped(self) -> dict[str, Range]:
        """Return the narrower ranges."""
        found = {}
        for tensor in self._graph.tensors():
            if tensor.name in self._ranges and not tensor.is_constant:
                (low, high), (least, most) = self._ranges[tensor.name], self._told_apart(tensor)
                narrow = max(min(low, most), least), min(max(high, least), most)
                if narrow != (low, high):
                    found[tensor.name] = narrow
        return found

    def _told_apart(self, tensor: Tensor) -> Range:
        readers = self._users.get(tensor, [])
        if tensor in self._graph.outputs or not readers:
            return _ALL
        spans = [self._by_reader(tensor, reader) for reader in readers]
        return min(low for low, _ in spans), max(high for _, high in spans)

    def _by_reader(self, tensor: Tensor, reader: Operator) -> Range:
        if self._kinds.get(reader) != INT8:
            return _ALL
        if self._is_silu(tensor, reader):
            return -self._silu_end(tensor), math.inf
        if reader.code in SATURATED:
            users = self._users.get(reader.output, ())
            is_gate = bool(users) and reader.output not in self._graph.outputs
            if is_gate and all(self._is_silu(tensor, user) for user in users):
                return -self._silu_end(tensor), math.inf
            return -SATURATED[reader.code], SATURATED[reader.code]
        if reader.code in FLAT_BELOW:
            return FLAT_BELOW[reader.code], math.inf
        if not _only_moves(reader):
            return _ALL
        spans = [self._told_apart_of_its_own(output) for output in reader.outputs]
        return min(low for low, _ in spans), max(high for _, high in spans)

    def _told_apart_of_its_own(self, tensor: Tensor) -> Range:
        """Return what its readers tell apart of the values that a tensor has: a slice has not all of the whole's."""
        (least, most), (low, high) = self._told_apart(tensor), self._ranges.get(tensor.name, _ALL)
        return max(least, min(low, most)), min(most, max(high, least))

    def _is_silu(self, tensor: Tensor, product: Operator) -> bool:
        """Tell whether an operator multiplies a tensor by its own sigmoid."""
        gates = [self._producers.get(factor) for factor in product.given if factor is not tensor]
        return (
            product.code == "MUL"
            and tensor in product.given
            and self._kinds.get(product) == INT8
            and any(gate is not None and gate.code == "LOGISTIC" and gate.given[0] is tensor for gate in gates)
        )

    def _silu_end(self, tensor: Tensor) -> float:
        """Return how far below 0 the product with the sigmoid is 0 to a quarter of an int8 step of its range."""
        step = (max(self._ranges[tensor.name][1], 0.0) + 0.28) / 255 if tensor.name in self._ranges else 0.0
        return next((end for end in np.arange(4.0, 16.0, 0.25) if end * math.exp(-end) <= step / 4), 16.0)


_ALL = (-math.inf, math.inf)


def _only_moves(operator: Operator) -> bool:
    rule = OPERATORS.get(operator.code)
    return rule is not None and rule.moves and rule.scales is Scales.KEPT


def _clip(
    operator: Operator,
    masked: list[Tensor],
    ranges: dict[str, Range],
    producers: Mapping[Tensor, Operator],
    clipped: Clipped,
) -> None:
    places = {"ADD": (0, 1), "SELECT": (1, 2), "SELECT_V2": (1, 2)}.get(operator.code)
    if places is None:
        return
    inputs = [operator.inputs[place] for place in places]
    if any(tensor is None or not is_float(tensor) for tensor in inputs):
        return
    lows = [_lowest(tensor, ranges, producers) for tensor in inputs if tensor is not None]
    if (lows[0] < EXTREME) == (lows[1] < EXTREME):
        return
    mask, scores = (inputs[0], inputs[1]) if lows[0] < EXTREME else (inputs[1], inputs[0])
    assert mask is not None and scores is not None
    if scores.name not in ranges:
        return
    low, high = ranges[scores.name]
    if operator.code == "ADD":
        top = max(_highest(mask, ranges), 0.0)
        clipped.narrow(mask, low - high - BELOW, top)
        high += top
    else:
        clipped.narrow(mask, low - BELOW, high)
    for tensor in masked:
        clipped.narrow(tensor, low - BELOW, high)


def _lowest(tensor: Tensor, ranges: dict[str, Range], producers: Mapping[Tensor, Operator]) -> float:
    if tensor.is_constant:
        return float(np.min(tensor.values, initial=0.0))
    operator = producers.get(tensor)
    if operator is not None and (_only_moves(operator) or operator.code in ("SELECT", "SELECT_V2")):
        # Ranges leave infinities out: they are seen where they come from.
        return min(_lowest(source, ranges, producers) for source in operator.given if is_float(source))
    return ranges.get(tensor.name, (0.0, 0.0))[0]


def _highest(tensor: Tensor, ranges: dict[str, Range]) -> float:
    if tensor.is_constant:
        finite = tensor.values[np.isfinite(tensor.values)]
        return float(np.max(finite, initial=EXTREME))
    return ranges.get(tensor.name, (0.0, 0.0))[1]
