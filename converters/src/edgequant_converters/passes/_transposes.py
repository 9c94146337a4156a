"""Carrying transpositions down the graph until they meet their inverse, or what needs the axes as they are.

The operators are walked once, in order. A TRANSPOSE is not written but remembered: its output is a view of its input.
An operator that has a rule is applied to what its inputs are views of, and its outputs become views; any other gets
its inputs transposed, once for all that read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Graph, Operator, Shape, Tensor, constant, permuted

from ._orders import Order, inverse, is_identity, moves_nothing, order_of
from ._rules import RULES, gathered


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor that is `source` with its axes in another order."""

    source: Tensor
    order: Order


def carry_transposes(graph: Graph) -> None:
    """Move the transpositions of a graph to where fewest remain, in place."""
    _Carrier(graph).run()


class _Carrier:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._views: dict[Tensor, _View] = {}
        self._written: set[Tensor] = set()
        self._operators: list[Operator] = []

    def run(self) -> None:
        for operator in self._graph.operators:
            operator.inputs = [None if x is None else self._without_views_of_itself(x) for x in operator.inputs]
            order = order_of(operator)
            if order is not None:
                self._remember(operator, order)
                continue
            self._gather(operator)
            if not self._carried(operator):
                operator.inputs = [None if x is None else self._as_it_is(x) for x in operator.inputs]
                self._operators.append(operator)
        self._graph.outputs = [self._given_out(x) for x in self._graph.outputs]
        self._graph.operators = self._operators

    def _remember(self, operator: Operator, order: Order) -> None:
        x = operator.given[0]
        view = self._views.get(x, _View(x, tuple(range(x.rank))))
        self._views[operator.output] = _View(view.source, tuple(view.order[axis] for axis in order))

    def _without_views_of_itself(self, x: Tensor) -> Tensor:
        view = self._views.get(x)
        return view.source if view is not None and is_identity(view.order) else x

    def _gather(self, operator: Operator) -> None:
        """Transpose only the axes that a reshaping joins, if they stand beside each other in another order."""
        x = operator.given[0] if operator.given else None
        view = None if x is None or x in self._written else self._views.get(x)
        turn = None if view is None else gathered(operator, view.order)
        if x is None or view is None or turn is None:
            return
        order = tuple(turn.index(axis) for axis in view.order)
        if not is_identity(order):
            self._views[x] = _View(self._transposed(view.source, turn), order)

    def _carried(self, operator: Operator) -> bool:
        """Write the operator on what its inputs are views of, if it has a rule and this spares transpositions."""
        rule = RULES.get(operator.code)
        views = [self._views[x] for x in operator.given if x in self._views]
        if rule is None or not views:
            return False
        order = max(views, key=lambda view: view.source.size).order
        carried = rule(operator, order, inverse(order))
        if carried is None or self._spared(operator, carried.turned, order) < 0:
            return False
        operator.inputs = [
            self._turned(x, order) if x is not None and index in carried.turned else carried.replaced.get(index, x)
            for index, x in enumerate(operator.inputs)
        ]
        operator.options.update(carried.options)
        for index, (old, new_order) in enumerate(zip(list(operator.outputs), carried.orders, strict=True)):
            if is_identity(new_order):
                continue
            new = Tensor(old.name, permuted(old.shape, inverse(new_order)), old.type, quantization=old.quantization)
            old.name = f"{old.name}/transposed"
            operator.outputs[index] = new
            self._views[old] = _View(new, new_order)
        self._operators.append(operator)
        return True

    def _spared(self, operator: Operator, turned: Sequence[int], order: Order) -> int:
        """Return how many more values would be moved without the rule than with it."""
        spared = 0
        for x in dict.fromkeys(operator.inputs[index] for index in turned):
            if x is None or x.is_constant:
                continue
            view = self._views.get(x)
            if view is not None and view.order == order:
                spared += 0 if x in self._written else max(1, _moved(view.source.shape, view.order))
            elif view is None:
                spared -= _moved((1,) * (len(order) - x.rank) + x.shape, inverse(order))
        return spared

    def _turned(self, x: Tensor, order: Order) -> Tensor:
        """Return the tensor that x would be a view of, had it this order."""
        if x.rank != len(order):
            x = self._raised(self._as_it_is(x), len(order))
        view = self._views.get(x, _View(x, tuple(range(x.rank))))
        return self._transposed(view.source, tuple(view.order[axis] for axis in inverse(order)))

    def _raised(self, x: Tensor, rank: int) -> Tensor:
        shape = (1,) * (rank - x.rank) + x.shape
        if x.is_constant:
            return _constant_like(x, x.values.reshape(shape))
        raised = Tensor(f"{x.name}/raised", shape, x.type, quantization=x.quantization)
        self._operators.append(_reshaping(x, raised))
        return raised

    def _transposed(self, x: Tensor, order: Order) -> Tensor:
        if is_identity(order):
            return x
        if x.is_constant:
            return _constant_like(x, x.values.transpose(order))
        made = Tensor(f"{x.name}/transposed", permuted(x.shape, order), x.type, quantization=x.quantization)
        self._write(x, made, order)
        return made

    def _as_it_is(self, x: Tensor) -> Tensor:
        """Return x with its axes in its own order, written as an operator if it is a view."""
        view = self._views.get(x)
        if view is None or x in self._written:
            return x
        if is_identity(view.order):
            return view.source
        self._write(view.source, x, view.order)
        self._written.add(x)
        return x

    def _given_out(self, x: Tensor) -> Tensor:
        written = self._as_it_is(x)
        if written in self._graph.inputs and x is not written:  # an output is never an input itself
            self._operators.append(_reshaping(written, x))
            return x
        return written

    def _write(self, source: Tensor, made: Tensor, order: Order) -> None:
        if moves_nothing(source.shape, order):
            self._operators.append(_reshaping(source, made))
        else:
            self._operators.append(Operator("TRANSPOSE", [source, _numbers(order)], [made]))


def _moved(shape: Shape, order: Order) -> int:
    return 0 if moves_nothing(shape, order) else abs(prod(shape))


def _constant_like(x: Tensor, values: NDArray[Any]) -> Tensor:
    made = constant(x.name, values)
    made.quantization = x.quantization
    return made


def _reshaping(x: Tensor, made: Tensor) -> Operator:
    return Operator("RESHAPE", [x, _numbers(made.shape)], [made], {"newShape": list(made.shape)})


def _numbers(values: Sequence[int]) -> Tensor:
    return constant("numbers", np.array(values, np.int32))
