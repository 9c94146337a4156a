"""States that arithmetic carries from step to step: what int8 rounds in one step, all later ones add to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edgequant_converters._fed_back import states
from edgequant_converters.ir import Graph, Model, Operator, Tensor

from ._grids import is_float


@dataclass(slots=True)
class Carried:
    """Inputs that are such states, and the operators between a state and its next value."""

    states: set[Tensor] = field(default_factory=set)
    ways: dict[Operator, None] = field(default_factory=dict)


States = Sequence[tuple[Tensor, Tensor]]
"""Inputs with the outputs that are their next values."""


class _Port(NamedTuple):
    name: str
    shape: tuple[int, ...]
    tensor: Tensor


def states_of(model: Model) -> States:
    """Return the states of the main graph, told by the names that its users see."""
    graph = model.main
    inputs = [_Port(name, one.shape, one) for name, one in zip(model.input_names, graph.inputs, strict=True)]
    outputs = [_Port(name, one.shape, one) for name, one in zip(model.output_names, graph.outputs, strict=True)]
    return [(state.tensor, after.tensor) for state, after in states(inputs, outputs)]


def carried(
    graph: Graph, fed_back: States, passes: Callable[[Operator], bool], moves: Callable[[Operator], bool]
) -> Carried:
    """Find those states of a graph whose next value elementwise arithmetic makes of them, as the cell of an LSTM is.

    `passes` tells which operators a way may have; `moves`, those of them that only move values: a buffer of
    samples is no such state. Where a layer stands between, as in front of a tanh, errors fade.
    """
    pairs = [(state, after) for state, after in fed_back if is_float(state)]
    onward = set[Operator]()
    reached = {state for state, _ in pairs}
    for operator in graph.operators:
        if passes(operator) and not reached.isdisjoint(operator.given):
            onward.add(operator)
            reached.update(operator.outputs)
    found = Carried()
    for state, after in pairs:
        way, wanted = dict[Operator, None](), {after}
        for operator in reversed(graph.operators):
            if operator in onward and not wanted.isdisjoint(operator.outputs):
                way[operator] = None
                wanted.update(operator.given)
        if not all(map(moves, way)):
            found.states.add(state)
            found.ways |= way
    return found
