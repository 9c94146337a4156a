"""If nodes whose condition is known: the branch that is taken stands in their place.

ONNX Runtime cannot open some graphs whose other branch does not fit the sizes of their inputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray

from edgequant_converters.onnx_import._fold import folded


def take_decided_branches(model: onnx.ModelProto) -> None:
    """Put the nodes of the branch that is taken in the place of each such If, in the order of the graph."""
    walk = _Walk(model)
    nodes = [taken for node in model.graph.node for taken in walk.visit(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _Walk:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._opsets = list(model.opset_import)
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._made_by: dict[str, onnx.NodeProto] = {}  # only what constants decide: all else is not worth a look
        self._values: dict[str, NDArray[Any] | None] = {}
        self._count = 0

    def visit(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        condition = self._value(node.input[0]) if node.op_type == "If" else None
        if condition is None:
            if all(name in self._constants or name in self._made_by for name in node.input if name):
                self._made_by.update(dict.fromkeys(node.output, node))
            yield node
            return
        name = "then_branch" if condition.item() else "else_branch"
        branch = next(attribute.g for attribute in node.attribute if attribute.name == name)
        for inner in self._inlined(branch, list(node.output)):
            yield from self.visit(inner)

    def _value(self, name: str) -> NDArray[Any] | None:
        """Return what a value is if nothing that the model is fed decides it."""
        if name not in self._values:
            self._values.update(self._computed(name))
        return self._values[name]

    def _computed(self, name: str) -> dict[str, NDArray[Any] | None]:
        """Return the values of what makes a value, by their names."""
        if name in self._constants:
            return {name: onnx.numpy_helper.to_array(self._constants[name])}
        node = self._made_by.get(name)
        if node is None:
            return {name: None}
        given = {needed: self._value(needed) for needed in node.input if needed}
        known = {needed: value for needed, value in given.items() if value is not None}
        results, outputs = folded(node, known, self._opsets), [output for output in node.output if output]
        return dict.fromkeys(outputs) if results is None else dict(zip(outputs, results, strict=True))

    def _inlined(self, branch: onnx.GraphProto, outputs: Sequence[str]) -> list[onnx.NodeProto]:
        """Return a branch's nodes under names that no other branch has, with its outputs those of the If."""
        self._count += 1
        own = [*(tensor.name for tensor in branch.initializer), *(o for node in branch.node for o in node.output if o)]
        names = {name: f"{name}/branch_{self._count}" for name in own}
        nodes = [_constant(tensor) for tensor in branch.initializer] + list(branch.node)
        made = [_renamed(node, names) for node in nodes]
        ends = [names.get(value.name, value.name) for value in branch.output]
        return made + [onnx.helper.make_node("Identity", [end], [o]) for end, o in zip(ends, outputs, strict=True)]


def _constant(tensor: onnx.TensorProto) -> onnx.NodeProto:
    return onnx.helper.make_node("Constant", [], [tensor.name], value=tensor)


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """Return a copy of a node that reads and gives values under other names, in its own graphs too."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    for attribute in copy.attribute:
        for graph in [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs:
            inner = [_renamed(node, names) for node in graph.node]
            del graph.node[:]
            graph.node.extend(inner)
            for value in graph.output:
                value.name = names.get(value.name, value.name)
    return copy
