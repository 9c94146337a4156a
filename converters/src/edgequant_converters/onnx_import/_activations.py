"""Activation functions that a graph spells out in elementary steps, recognised by the values that they give.

Older exporters write GELU as a product with an error function, and hard-swish with a Clip. Whatever the order of the
steps, a few operators between one tensor and another that give a known function's values on a grid are that function.
"""

from collections.abc import Callable, Iterable, Set
from math import erf

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

_Values = NDArray[np.float32]

_CORES = frozenset({"Erf", "Tanh", "Clip", "Relu6", "HardSigmoid", "Sigmoid", "Softplus"})
_STEPS = frozenset({"Add", "Sub", "Mul", "Div", "Pow", "Neg", "Relu", "Min", "Max", "Exp", "Log", "Cast"}) | _CORES
_MOST_STEPS = 10
_GRID = np.concatenate([np.linspace(-12, 12, 241), [0.5, -0.5, 1 / 3, -1 / 3]]).astype(np.float32)
_TOLERANCE = 2e-5


def _gelu(x: _Values) -> _Values:
    wide = x.astype(np.float64)
    return np.asarray(0.5 * wide * (1 + np.array([erf(value / 2**0.5) for value in wide])), np.float32)


def _gelu_tanh(x: _Values) -> _Values:
    return np.asarray(0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))), np.float32)


def _hard_swish(x: _Values) -> _Values:
    return np.asarray(x * np.clip(x + 3, 0, 6) / 6, np.float32)


_KNOWN: tuple[tuple[Callable[[_Values], _Values], str, dict[str, str]], ...] = (
    (_gelu, "Gelu", {}),
    (_gelu_tanh, "Gelu", {"approximate": "tanh"}),
    (_hard_swish, "HardSwish", {}),
)
"""A function, and the node that computes it."""


def with_named_activations(
    graph: onnx.GraphProto, opsets: Iterable[onnx.OperatorSetIdProto], rounded: Set[str] = frozenset()
) -> list[onnx.NodeProto]:
    """Return the nodes of a graph, with one node where elementary steps make up a known activation function.

    `rounded` are values that a quantized source rounds. Hard-swish with such a step stays steps, as integers can
    compute them.
    """
    search = _Search(graph, list(opsets), rounded)
    for core in graph.node:
        if core.op_type in _CORES:
            search.replace(core)
    return search.nodes()


class _Search:
    def __init__(self, graph: onnx.GraphProto, opsets: list[onnx.OperatorSetIdProto], rounded: Set[str]) -> None:
        self._graph, self._opsets, self._rounded = graph, opsets, rounded
        self._producers = {name: node for node in graph.node for name in node.output}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in dict.fromkeys(node.input):
                self._users.setdefault(name, []).append(node)
        self._numbers = {tensor.name: tensor for tensor in graph.initializer if not tensor.dims or _is_one(tensor)}
        self._outputs = {value.name for value in graph.output}
        self._gone: set[str] = set()
        self._named_by_output: dict[str, onnx.NodeProto] = {}

    def replace(self, core: onnx.NodeProto) -> None:
        """Replace the largest known function that `core` is a part of."""
        for last in reversed(self._after(core)):
            for start in self._before(core):
                steps = self._steps(start, last.output[0])
                if steps is None or core.output[0] not in {name for step in steps for name in step.output}:
                    continue
                named = self._named(steps, start, last.output[0])
                if named is not None:
                    self._gone.update(name for step in steps for name in step.output)
                    self._named_by_output[last.output[0]] = self._producers[last.output[0]] = named
                    return

    def nodes(self) -> list[onnx.NodeProto]:
        """Return the graph's nodes, the new ones in the place of the last step of each."""
        replaced = (self._named_by_output.get(node.output[0], node) for node in self._graph.node)
        return [
            node for node in replaced if node.output[0] in self._named_by_output or node.output[0] not in self._gone
        ]

    def _after(self, core: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return the steps behind the core of which each is all that reads the one before."""
        found: list[onnx.NodeProto] = []
        node = core
        while len(found) < _MOST_STEPS and node.output[0] not in self._outputs:
            users = self._users.get(node.output[0], [])
            if len(users) != 1 or users[0].op_type not in _STEPS:
                break
            node = users[0]
            found.append(node)
        return found

    def _before(self, core: onnx.NodeProto) -> list[str]:
        """Return the values that the core may be a function of, nearest first."""
        found = dict.fromkeys(name for name in core.input if name and not self._is_number(name))
        waiting = list(found)
        for name in waiting:  # it grows
            node = self._producers.get(name)
            if node is not None and node.op_type in _STEPS and len(waiting) < _MOST_STEPS:
                new = [n for n in node.input if n and not self._is_number(n) and n not in found]
                found.update(dict.fromkeys(new))
                waiting += new
        return list(found)

    def _steps(self, start: str, end: str) -> list[onnx.NodeProto] | None:
        """Return the steps from one value to another if they read nothing else but numbers, and nothing else them."""
        inside: dict[str, onnx.NodeProto] = {}
        waiting = [end]
        while waiting:
            name = waiting.pop()
            if name == start or name in inside or self._is_number(name):
                continue
            node = self._producers.get(name)
            if node is None or node.op_type not in _STEPS or len(inside) > _MOST_STEPS or len(node.output) != 1:
                return None
            inside[name] = node
            waiting += [other for other in node.input if other]
        steps = list(inside.values())
        for name in inside:
            if name != end and (name in self._outputs or any(u not in steps for u in self._users.get(name, []))):
                return None
        return [node for node in self._graph.node if node in steps]

    def _is_number(self, name: str) -> bool:
        node = self._producers.get(name)
        return name in self._numbers or (node is not None and node.op_type == "Constant" and _is_one(_value_of(node)))

    def _named(self, steps: list[onnx.NodeProto], start: str, end: str) -> onnx.NodeProto | None:
        read = {name for step in steps for name in step.input}
        constants = [self._producers[name] for name in read if name not in self._numbers and self._is_number(name)]
        value = onnx.helper.make_empty_tensor_value_info
        numbers = [self._numbers[name] for name in read if name in self._numbers]
        inner = onnx.helper.make_graph([*constants, *steps], "steps", [value(start)], [value(end)], numbers)
        try:
            model = onnx.helper.make_model(inner, opset_imports=self._opsets)
            (result,) = ReferenceEvaluator(model).run(None, {start: _GRID})
        except Exception:  # a step that onnx's reference does not compute is no part of an activation
            return None
        for function, op_type, attributes in _KNOWN:
            if np.allclose(np.asarray(result).reshape(-1), function(_GRID), rtol=_TOLERANCE, atol=_TOLERANCE):
                if op_type == "HardSwish" and not self._rounded.isdisjoint(read - {start}):
                    return None
                return onnx.helper.make_node(op_type, [start], [end], name=steps[-1].name, **attributes)
        return None


def _is_one(tensor: onnx.TensorProto | None) -> bool:
    return tensor is not None and int(np.prod(tensor.dims)) == 1


def _value_of(node: onnx.NodeProto) -> onnx.TensorProto | None:
    return next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
