"""Ranges that end where the next operator tells no values apart: masks before a softmax, and arguments of sigmoids.

An attention mask of -1e9 or minus infinity would take all steps of an int8 tensor for itself. But a softmax does not
tell 10 below the smallest score from minus infinity: e^-10 is less than int8 can say of its result. So masks, and what
they are added to, end there. Likewise a sigmoid's argument ends at 8, a hyperbolic tangent's at 5.
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
    """Return the ranges to use instead for tensors that only sigmoids read, in int8, directly or moved."""
    users, clipped = graph.users(), dict[str, Range]()

    def limit(tensor: Tensor) -> float:
        """Return the largest magnitude that a reader tells from others; infinity if one tells all apart."""
        readers = users.get(tensor, [])
        if tensor in graph.outputs or not readers:
            return math.inf
        return max(_limit_of(reader) for reader in readers)

    def _limit_of(reader: Operator) -> float:
        if reader.code in SATURATED:
            return SATURATED[reader.code] if kinds.get(reader) == INT8 else math.inf
        moves = _only_moves(reader) and kinds.get(reader) == INT8
        return max(limit(output) for output in reader.outputs) if moves else math.inf

    for tensor in graph.tensors():
        if tensor.name in ranges and not tensor.is_constant and (most := limit(tensor)) < math.inf:
            low, high = ranges[tensor.name]
            clipped[tensor.name] = max(min(low, most), -most), min(max(high, -most), most)
    return clipped


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
