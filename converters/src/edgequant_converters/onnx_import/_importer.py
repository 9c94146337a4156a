"""The walk over an ONNX graph: constants are computed, every other node is lowered by the table."""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from edgequant_runtime import unique_names
from numpy.typing import NDArray
from onnx import TensorProto

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._reason import reason
from edgequant_converters.ir import Builder, Graph, Model, Tensor, constant, type_of

from . import (  # noqa: F401 (each enters its lowerings into the table)
    _accurate,
    _bits,
    _blocks,
    _cast,
    _columns,
    _control,
    _convolution,
    _deformed,
    _einsum,
    _elementwise,
    _fourier,
    _gather,
    _gru,
    _logic,
    _lstm,
    _matmul,
    _move,
    _ngrams,
    _nonlinear,
    _normalisation,
    _pooling,
    _reductions,
    _refused,
    _regions,
    _resize,
    _sampling,
    _scatter,
    _selection,
    _slice,
    _softmax,
    _transposed,
)
from ._activations import with_named_activations
from ._cast import WIDENED
from ._fold import folded
from ._functions import DOMAINS, function_nodes
from ._node import Node, RefusedNodeError, attribute_value
from ._read_names import read_names, without_unread
from ._registry import LOWERINGS
from ._scope import Scope
from ._sequence import SEQUENCE_OPERATORS, SequenceTensor
from ._unknown import unknown_operators


def import_onnx(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]], rounded: Set[str] = frozenset()) -> Model:
    """Return a float ONNX model as a graph with LiteRT's operators, in ONNX's own layout of images.

    `shapes` has the sizes of every input, by its name; `rounded` are the values that a quantized source rounds. Every
    kind of float becomes float32. Inputs and outputs keep their names and order. Raises UnsupportedError that lists
    every node that cannot be written, and why.
    """
    unknown = unknown_operators(model)
    if unknown:
        raise UnsupportedError(
            f"The ONNX operators {', '.join(unknown)} cannot be converted to LiteRT: replace them, or write .onnx."
        )
    importer = _Importer(model, shapes, rounded)
    graph = importer.main()
    if importer.refused:
        raise UnsupportedError(
            f"What LiteRT cannot compute: {'; '.join(importer.refused)}. Change these nodes, or write .onnx."
        )
    names = [[value.name for value in side] for side in (graph.inputs, graph.outputs)]
    outputs = unique_names(value.name for value in model.graph.output)
    return Model([graph, *importer.bodies], names[0], outputs)


class _Importer:
    """What the graphs of a model share: the versions of its operators, the refusals, the bodies of control flow."""

    def __init__(self, model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]], rounded: Set[str]) -> None:
        self._model, self._shapes, self._rounded = model, shapes, rounded
        self._opsets = list(model.opset_import)
        self._opset = next((entry.version for entry in self._opsets if entry.domain in DOMAINS), 1)
        self.refused: list[str] = []
        self.bodies: list[Graph] = []

    def main(self) -> Graph:
        proto = self._model.graph
        weights = {tensor.name for tensor in proto.initializer}
        graph, scope = Graph(), Scope()
        for value in proto.input:
            if value.name not in weights:
                kind = _type(value.type.tensor_type.elem_type, value.name)
                scope.tensors[value.name] = Tensor(value.name, tuple(self._shapes[value.name]), kind)
                graph.inputs.append(scope.tensors[value.name])
        build = Builder(graph)
        self._walk(proto, build, scope)
        if not self.refused:
            graph.outputs = [self._output(value.name, build, scope, graph) for value in proto.output]
        return graph

    def _walk(self, proto: onnx.GraphProto, build: Builder, scope: Scope) -> None:
        scope.constants.update({tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.initializer})
        unknown, read = set[str](), read_names(proto)
        for node in with_named_activations(proto, self._opsets, self._rounded):
            if not unknown.isdisjoint(node.input):
                unknown.update(node.output)  # it reads what has no shape, as it comes of a refused node
                continue
            try:
                self._enter(without_unread(node, read), build, scope, self._opset)
            except RefusedNodeError as refusal:
                self.refused.append(str(refusal))
                scope.tensors |= self._placeholders(node)
                unknown.update(name for name in node.output if name and name not in scope.tensors)

    def _enter(self, node: onnx.NodeProto, build: Builder, scope: Scope, opset: int) -> None:
        """Add a node's outputs to the scope: computed at once, lowered, or as those of the function that it is."""
        known = self._known_outputs(node, scope, opset)
        if known is not None:
            scope.constants.update({name: value for name, value in zip(node.output, known, strict=False) if name})
        elif node.op_type in LOWERINGS:
            for name, tensor in self._lowered(node, build, scope, opset).items():
                scope.add(name, tensor)
        else:
            self._enter_function(node, build, scope, opset)

    def _enter_function(self, node: onnx.NodeProto, build: Builder, scope: Scope, opset: int) -> None:
        name = node.name or next(name for name in node.output if name)
        types = [_type_proto(scope.tensor(name)) if name else onnx.TypeProto() for name in node.input]
        found = function_nodes(node, types, opset)
        if found is None:
            raise RefusedNodeError(f"{node.op_type} '{name}': there is nothing like this operator")
        body, own = found
        try:
            for inner in body:
                self._enter(inner, build, scope, own)
        except RefusedNodeError as refusal:
            raise RefusedNodeError(f"{node.op_type} '{name}': {refusal}") from None

    def _known_outputs(self, node: onnx.NodeProto, scope: Scope, opset: int) -> list[NDArray[Any]] | None:
        read = scope.find(node.input[0]) if node.input and node.op_type in ("Shape", "Size") else None
        if read is not None and min(read.shape, default=0) >= 0:
            ends = {attribute.name: attribute.i for attribute in node.attribute}
            part = read.shape[ends.get("start", 0) : ends.get("end", read.rank)]
            return [np.array(part if node.op_type == "Shape" else read.size, np.int64)]
        return folded(node, scope.constants, [onnx.helper.make_opsetid("", opset)])

    def _lowered(self, proto: onnx.NodeProto, build: Builder, scope: Scope, opset: int) -> dict[str, Tensor]:
        def inline(
            body: onnx.GraphProto, inputs: Sequence[Tensor], into: Builder | None = None,
            capture: Callable[[Tensor], Tensor] | None = None,
        ) -> list[Tensor]:  # fmt: skip
            return self._inlined(body, inputs, build if into is None else into, Scope(scope, capture))

        name = build.scope = next(name for name in proto.output if name)
        node = Node(
            op_type=proto.op_type,
            name=proto.name or name,
            opset=opset,
            inputs=[scope.tensor(name) if name else None for name in proto.input],
            outputs=list(proto.output),
            attributes={attribute.name: attribute_value(attribute) for attribute in proto.attribute},
            inline=inline,
            add_graph=self._added,
        )
        if proto.op_type not in SEQUENCE_OPERATORS and any(isinstance(x, SequenceTensor) for x in node.inputs):
            node.refuse("a sequence")
        for attribute, value in node.attributes.items():
            if attribute in _STEPS and max(np.atleast_1d(value), default=0) > _LARGEST_SIZE:
                node.refuse(f"{attribute}={value}")
        try:
            made = LOWERINGS[proto.op_type](node, build)
        except RefusedNodeError:
            raise
        except Exception as error:  # ValueError, KeyError, IndexError ...: attributes or shapes of no case here
            node.refuse(f"attributes or shapes that do not fit ({type(error).__name__}: {reason(error)})")
        listed = [made] if isinstance(made, Tensor) else list(made)
        named: dict[str, Tensor] = {}
        for index, output in enumerate(proto.output):
            tensor = listed[index] if index < len(listed) else None
            if output and tensor is None:
                node.refuse(f"its output {index} is used")
            if output and tensor is not None:
                _check_sizes(node, tensor)
                named[output] = _known_if_empty(tensor)
                if tensor.name.startswith(f"{name}/") and not tensor.is_constant:
                    tensor.name = output
        return named

    def _inlined(self, body: onnx.GraphProto, inputs: Sequence[Tensor], build: Builder, scope: Scope) -> list[Tensor]:
        """Append what the body of a node does to its inputs; return its outputs."""
        outer_name, already = build.scope, len(self.refused)
        for value, tensor in zip(body.input, inputs, strict=True):
            scope.add(value.name, tensor)
        self._walk(body, build, scope)
        build.scope = outer_name
        if len(self.refused) > already:
            inner = "; ".join(self.refused[already:])
            del self.refused[already:]
            raise RefusedNodeError(inner)
        return [scope.tensor(value.name) for value in body.output]

    def _added(self, graph: Graph) -> int:
        """Add a graph to the model; return its index there."""
        self.bodies.append(graph)
        return len(self.bodies)

    def _placeholders(self, node: onnx.NodeProto) -> dict[str, Tensor]:
        """Return tensors like the outputs of a refused node, so that the nodes after it are judged as well."""
        return {name: self._inferred[name] for name in node.output if name in self._inferred}

    @cached_property
    def _inferred(self) -> dict[str, Tensor]:
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        for value in model.graph.input:
            if value.name in self._shapes:
                sizes = [onnx.TensorShapeProto.Dimension(dim_value=size) for size in self._shapes[value.name]]
                value.type.tensor_type.shape.CopyFrom(onnx.TensorShapeProto(dim=sizes))
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except Exception:  # a broken node, which is refused by itself: what follows cannot be judged
            return {}
        found = {}
        for value in [*inferred.value_info, *inferred.output]:
            kind = value.type.tensor_type
            if kind.HasField("shape") and all(size.HasField("dim_value") for size in kind.shape.dim):
                shape = tuple(size.dim_value for size in kind.shape.dim)
                with suppress(UnsupportedError):  # a type that LiteRT lacks: what follows cannot be judged
                    found[value.name] = Tensor(value.name, shape, _type(kind.elem_type, value.name))
        return found

    def _output(self, name: str, build: Builder, scope: Scope, graph: Graph) -> Tensor:
        """Return a graph's output; what is a constant or an input, or given out already, becomes a copy."""
        tensor = scope.tensor(name)
        build.scope = name
        if isinstance(tensor, SequenceTensor):
            raise UnsupportedError(f"The output '{name}' is a sequence, which LiteRT lacks: give out its parts.")
        if not tensor.is_constant and tensor not in graph.inputs and tensor not in graph.outputs:
            return tensor
        shape = build.constant(tensor.shape, np.int32)
        copy = build.op("RESHAPE", [tensor, shape], tensor.shape, newShape=list(tensor.shape))
        copy.name = name
        return copy


_STEPS = ("strides", "dilations", "kernel_shape", "pads", "blocksize")
_LARGEST_SIZE = 2**31 - 1  # a .tflite file has its sizes in 32 bits


def _check_sizes(node: Node, tensor: Tensor) -> None:
    """Refuse a node that would make a size below 0, as a window does that is larger than its input, or a huge one."""
    is_free = any(-1 in given.shape for given in node.inputs if given is not None)
    if min(tensor.shape, default=0) < (-1 if is_free else 0):
        given = ", ".join(str(list(x.shape)) for x in node.inputs if x is not None)
        node.refuse(f"its inputs of {given} are too small for it")
    if max(tensor.shape, default=0) > _LARGEST_SIZE:
        node.refuse(f"an output of {list(tensor.shape)}")


def _known_if_empty(tensor: Tensor) -> Tensor:
    """Return a tensor without elements as the constant that it is; engines run no operators on such."""
    if tensor.is_constant or min(tensor.shape, default=1) != 0:
        return tensor
    return constant(tensor.name, np.zeros(tensor.shape, tensor.dtype))


def _type_proto(tensor: Tensor) -> onnx.TypeProto:
    return onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(tensor.dtype), tensor.shape)


def _type(code: int, name: str) -> str:
    if code in WIDENED:
        return "FLOAT32"
    try:
        return type_of(onnx.helper.tensor_dtype_to_np_dtype(code))
    except KeyError:
        raise UnsupportedError(
            f"The input '{name}' has the type {TensorProto.DataType.Name(code)}, which LiteRT does not have."
        ) from None
