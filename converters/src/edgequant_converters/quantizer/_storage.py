"""Formats that store weights in fewer bits and compute in float: float16, int8, int4, and dynamic range."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edgequant_converters._schemes import Scheme
from edgequant_converters.ir import Graph, Model, Operator, Tensor

from ._specification import HYBRID, RECURRENT, Stored
from ._weights import axis_of, is_trained, scales_with_bias, stored_weights, weight_scales

WORTH = 4096
"""A constant that is no layer's weight has at least so many values where it is stored in float16: biases stay exact."""

FEW = 1024
"""Layers of fewer weights stay in float in dynamic range, as in TensorFlow's converter: most are first and depthwise
ones, whose rounded weights and inputs cost all that follows 3 dB and more."""

SHARE = 0.01
"""What such layers may add to a file: where all layers are small, few of them stay in float."""

_OF_SCALE = 12
"""Bytes of a channel's scale and zero point."""

LARGEST_HALF = float(np.finfo(np.float16).max)


def store_weights(model: Model, scheme: Scheme, *, per_channel: bool, keeps: Callable[[Operator], bool]) -> None:
    """Rewrite all graphs of a float model in place; operators for which `keeps` holds stay as they are."""
    exact = _few_weights(model, per_channel, keeps) if scheme is Scheme.DYNAMIC else frozenset()
    for graph in model.graphs:
        _Storage(graph, scheme, per_channel, keeps, exact).run()


def store_bodies(model: Model, *, per_channel: bool, keeps: Callable[[Operator], bool]) -> None:
    """Give the layers in bodies of IF and WHILE, which compute in float, int8 weights."""
    for graph in model.graphs[1:]:
        _Storage(graph, Scheme.DYNAMIC, per_channel, keeps).run()


def _few_weights(model: Model, per_channel: bool, keeps: Callable[[Operator], bool]) -> frozenset[Tensor]:
    """Return the weights that stay in float because they are few: those that cost least, as long as SHARE allows.

    Those of operators that are kept in float anyway do not count.
    """
    costs: dict[Tensor, int] = {}
    for operator in (op for graph in model.graphs for op in graph.operators if not keeps(op)):
        stored = HYBRID.get(operator.code)
        for place in () if stored is None or operator.code in RECURRENT else stored.positions:
            tensor = operator.input(place)
            if stored is not None and tensor is not None and is_trained(tensor):
                each = per_channel and stored.axis is not None
                scales = tensor.shape[axis_of(stored.axis or 0, operator, place)] if each else 1
                costs[tensor] = 3 * tensor.size - _OF_SCALE * scales
    constants = {tensor for graph in model.graphs for tensor in graph.tensors() if tensor.is_constant}
    room = SHARE * sum(tensor.size if tensor in costs else tensor.values.nbytes for tensor in constants)
    found = set[Tensor]()
    for tensor in sorted(costs, key=costs.__getitem__):
        if tensor.size < FEW and costs[tensor] <= room:
            room -= costs[tensor]
            found.add(tensor)
    return frozenset(found)


def store_recurrent(operator: Operator) -> None:
    """Give a recurrent layer that computes in float int8 weights: its kernels quantize what they multiply with them."""
    if operator.code in RECURRENT:
        stored = HYBRID[operator.code]
        for i in stored.positions:
            if is_trained(operator.input(i)):
                operator.inputs[i] = _narrow(operator, i, stored, Scheme.DYNAMIC, per_channel=False)


@dataclass
class _Storage:
    graph: Graph
    scheme: Scheme
    per_channel: bool
    keeps: Callable[[Operator], bool]
    exact: frozenset[Tensor] = frozenset()
    made: dict[tuple[object, ...], Tensor] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)

    def run(self) -> None:
        for operator in self.graph.operators:
            if not self.keeps(operator):
                for i in range(len(operator.inputs)):
                    self._store(operator, i)
            self.operators.append(operator)
        self.graph.operators = self.operators

    def _store(self, operator: Operator, place: int) -> None:
        tensor, stored = operator.inputs[place], HYBRID.get(operator.code)
        is_weight = stored is not None and place in stored.positions
        if tensor is None or not is_trained(tensor) or tensor in self.exact:
            return
        if operator.code == "ASSIGN_VARIABLE":  # where a state begins: what CALL_ONCE runs may only assign constants
            return
        if self.scheme is Scheme.FP16:
            if (is_weight or tensor.size >= WORTH) and float(np.abs(tensor.values).max(initial=0.0)) <= LARGEST_HALF:
                operator.inputs[place] = self._half(tensor)
        elif is_weight:
            assert stored is not None
            operator.inputs[place] = self._integer(operator, place, tensor, stored)

    def _half(self, tensor: Tensor) -> Tensor:
        if (tensor,) not in self.made:
            stored = Tensor(tensor.name, tensor.shape, "FLOAT16", tensor.values.astype(np.float16))
            self.made[tensor,] = self._widened(stored)
        return self.made[tensor,]

    def _integer(self, operator: Operator, place: int, tensor: Tensor, stored: Stored) -> Tensor:
        axis = None if stored.axis is None else axis_of(stored.axis, operator, place)
        key = (tensor, axis, stored.int4)
        if key not in self.made:
            narrow = _narrow(operator, place, stored, self.scheme, self.per_channel)
            self.made[key] = narrow if self.scheme is Scheme.DYNAMIC else self._widened(narrow)
        return self.made[key]

    def _widened(self, stored: Tensor) -> Tensor:
        made = Tensor(f"{stored.name}_dequantized", stored.shape)
        self.operators.append(Operator("DEQUANTIZE", [stored], [made]))
        return made


def _narrow(operator: Operator, place: int, stored: Stored, scheme: Scheme, per_channel: bool) -> Tensor:
    tensor = operator.inputs[place]
    assert tensor is not None
    axis = axis_of(stored.axis, operator, place) if per_channel and stored.axis is not None else None
    kind = "INT4" if scheme is Scheme.WEIGHT_INT4 and stored.int4 else "INT8"
    scales = scales_with_bias(weight_scales(tensor, axis, kind), None, 1.0, wide=False)
    return stored_weights(tensor, scales, axis, kind)
