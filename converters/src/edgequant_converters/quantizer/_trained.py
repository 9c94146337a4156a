"""Which inputs of an operator were trained, and which of them are the weights of a layer."""

from collections.abc import Iterator
from dataclasses import dataclass

from edgequant_converters.ir import Operator, Tensor

from ._specification import HYBRID
from ._weights import axis_of, is_trained


@dataclass(frozen=True, slots=True)
class Weight:
    """A constant of floats: `is_layer` of those that integer formats store; `axis` counts its channels, or is None."""

    tensor: Tensor
    is_layer: bool
    axis: int | None


def trained_values(operator: Operator) -> Iterator[tuple[int, Weight]]:
    """Yield (place among the inputs, constant) of each constant of two finite floats or more."""
    stored = HYBRID.get(operator.code)
    for place, tensor in enumerate(operator.inputs):
        if tensor is None or not is_trained(tensor) or tensor.size < 2:
            continue
        is_layer = stored is not None and place in stored.positions
        axis = axis_of(stored.axis, operator, place) if is_layer and stored and stored.axis is not None else None
        yield place, Weight(tensor, is_layer, axis)
