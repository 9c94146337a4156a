"""What int8 would destroy in a graph, for a writer that decides for itself which operators have integer forms."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgequant_converters._fed_back import states
from edgequant_converters.ir import Graph, Operator, Tensor

from ._grids import Range, value_range
from ._islands import CHEAP, Islands
from ._masks import clip_masks, clip_saturated
from ._specification import INT8


@dataclass(frozen=True, slots=True)
class Decision:
    """Operators to leave in float with the reasons, the ranges to take, and constants that end before their values."""

    kept: dict[Operator, str]
    ranges: dict[str, Range]
    constants: dict[Tensor, Range]


def decide(graph: Graph, able: AbstractSet[Operator], ranges: Mapping[str, Range]) -> Decision:
    """Judge a graph whose outputs may be float, as `Plan` does; `able` are the operators that have an integer form."""
    clipped = clip_masks(graph, dict(ranges))
    taken = {**ranges, **clipped.computed}
    kinds = dict.fromkeys((op for op in graph.operators if op in able or op.code in CHEAP), INT8)
    taken |= clip_saturated(graph, taken, dict.fromkeys(able, INT8))

    def range_of(tensor: Tensor) -> Range:
        if tensor.is_constant:
            return clipped.constants.get(tensor) or value_range(tensor.values)
        return taken.get(tensor.name, (0.0, 0.0))

    kept = Islands(graph, kinds, range_of, states(graph.inputs, graph.outputs), is_litert=False).find(
        outputs_may_be_float=True
    )
    return Decision({op: why for op, why in kept.items() if op in able}, taken, clipped.constants)
