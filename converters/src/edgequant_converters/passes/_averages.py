"""Averages that round as they do in ONNX and torch: once, half way to the even one, counted from the zero point.

1. LiteRT's MEAN rounds with the zero point inside, to an integer that is even itself. The two differ on every mean that
   lies half way, where the zero point is odd: on a quarter of those of four pixels, if the mean keeps the scale of what
   it is of, as PT2E's pools do. So such a zero point is made even.
2. AVERAGE_POOL_2D rounds on the scale of its input, half way away from zero, before another scale can round again. A
   depthwise layer whose weights are all one n-th, 1 on a scale of 1/n, rounds once. Halves that the source's float sums
   miss by their last bits it still rounds to the even integer.
"""

from collections.abc import Mapping
from math import prod

import numpy as np

from edgequant_converters.ir import Graph, Model, Operator, Quantization, Tensor, constant

from ._known_ranges import moved_by
from ._widen import KnownRanges

_STEPS, _LOWEST = 255, -128
"""Of the 8-bit grid that a range becomes."""

_LAYER_S_OWN = ("padding", "strideH", "strideW", "fusedActivationFunction")


def average_as_in_onnx(model: Model, known: Mapping[Tensor, tuple[float, float]]) -> KnownRanges:
    """Rewrite the averages of a graph whose tensors have the `known` ranges, in place; return the ranges from now on.

    The range of a mean moves by a step, away from the farther end, which only means of equal values reach. A model's
    outputs keep theirs, and so do means that are only moved on their way to one.
    """
    moved, shown = dict(known), _shown(model.main)
    for operator in model.main.operators:
        limits = known.get(operator.output) if operator.outputs else None
        own = known.get(operator.given[0]) if operator.given else None
        if limits is None or own is None:
            continue
        if operator.code == "MEAN" and limits == own and operator.output not in shown:
            moved[operator.output] = _around_even(*limits)
        elif operator.code == "AVERAGE_POOL_2D" and _may_differ(operator, same_scale=limits == own):
            _become_layer(operator)
    return moved


def _shown(graph: Graph) -> set[Tensor]:
    """Return the graph's outputs and what they are but for its order and shape."""
    shown = set(graph.outputs)
    for operator in reversed(graph.operators):
        source = moved_by(operator)
        if source is not None and not shown.isdisjoint(operator.outputs):
            shown.add(source)
    return shown


def _around_even(low: float, high: float) -> tuple[float, float]:
    step = (high - low) / _STEPS
    zero = round(_LOWEST - low / step) if step else 0
    if zero % 2 == 0:
        return low, high
    by = -step if zero < 0 else step
    return low + by, high + by


def _may_differ(pool: Operator, *, same_scale: bool) -> bool:
    """Tell whether LiteRT would round the pool otherwise, and each of its windows has as many pixels."""
    return pool.options["padding"] == "VALID" and not (same_scale and prod(_window(pool)) % 2)


def _window(pool: Operator) -> tuple[int, int]:
    return pool.options["filterHeight"], pool.options["filterWidth"]


def _become_layer(pool: Operator) -> None:
    x, window = pool.given[0], _window(pool)
    channels, share = x.shape[-1], 1 / prod(window)
    weights = constant(f"{pool.output.name}/weights", np.full((1, *window, channels), share), np.float32)
    weights.quantization = Quantization(np.full(channels, share, np.float32), np.zeros(channels, np.int64), 3)
    bias = constant(f"{pool.output.name}/bias", np.zeros(channels), np.float32)
    kept = {name: pool.options[name] for name in _LAYER_S_OWN if name in pool.options}
    pool.code, pool.inputs = "DEPTHWISE_CONV_2D", [x, weights, bias]
    pool.options = {**kept, "depthMultiplier": 1, "dilationHFactor": 1, "dilationWFactor": 1}
