"""The values and nodes of an ONNX graph while it is written.

A tensor of the graph is one ONNX value in LiteRT's order of axes, or in ONNX's order of images, channels first, or
both: a Transpose is written when somebody asks for an order that is not there yet. So what comes from a convolution
stays channels first through everything that does not care.

What is quantized passes QuantizeLinear and DequantizeLinear: a value is always the real number, and every runtime fuses
the pairs around the operators that it has integers for.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters.ir import Graph, Model, Quantization, Tensor
from edgequant_converters.passes import is_identity, real_values

from ._layouts import composed, first_order, last_order
from ._registry import EXPORTS, RefusedOperatorError, refuse

_STORED = {"INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16}
"""The types that QuantizeLinear gives."""

_ONNX_TYPES = {
    "FLOAT32": TensorProto.FLOAT, "FLOAT16": TensorProto.FLOAT16, "FLOAT64": TensorProto.DOUBLE,
    "INT8": TensorProto.INT8, "INT16": TensorProto.INT16, "INT32": TensorProto.INT32, "INT64": TensorProto.INT64,
    "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16, "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64, "BOOL": TensorProto.BOOL,
}  # fmt: skip


class Names:
    """Hands out names, none of them twice."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = dict.fromkeys(taken, 0)

    def new(self, wanted: str) -> str:
        """Return the name, or the name with the first number that is free."""
        name = wanted
        while name in self._taken:
            self._taken[wanted] = number = self._taken.get(wanted, 0) + 1
            name = f"{wanted}_{number}"
        self._taken[name] = 0
        return name


class Writer:
    """Fills one graph; those of If and Loop have writers of their own, which share the names."""

    def __init__(self, model: Model, names: Names) -> None:
        self.model, self.names = model, names
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.refused: list[str] = []
        self._last: dict[Tensor, str] = {}
        self._first: dict[Tensor, str] = {}
        self._integers: dict[Tensor, dict[bool, str]] = {}  # of a quantized tensor, channels last and first
        self._constants: dict[tuple[object, ...], str] = {}
        self._scope = "value"

    def walk(self, graph: Graph) -> None:
        """Write the operators in their order; what cannot be said is noted in `refused`."""
        for operator in graph.operators:
            self._scope = operator.output.name if operator.outputs else operator.code
            try:
                known = EXPORTS.get(operator.code)
                if known is None:
                    raise refuse(operator, "ONNX has nothing like it")
                known(self, operator)
            except RefusedOperatorError as refusal:
                self.refused.append(str(refusal))
                self._last.update((tensor, "") for tensor in operator.outputs)

    # Values

    def value(self, tensor: Tensor) -> str:
        """Return the real value of a tensor, axes in LiteRT's order."""
        if tensor.is_constant:
            return self._constant(tensor, tuple(range(tensor.rank)))
        if tensor not in self._last:
            self._last[tensor] = self._turned(tensor, tuple(range(tensor.rank)))
        return self._last[tensor]

    def first(self, tensor: Tensor) -> str:
        """Return the real value of a tensor, channels first."""
        if tensor.is_constant:
            return self._constant(tensor, first_order(tensor.rank))
        if tensor not in self._first:
            self._first[tensor] = self._turned(tensor, first_order(tensor.rank))
        return self._first[tensor]

    def permuted(self, tensor: Tensor, order: Sequence[int]) -> str:
        """Return the real value of a tensor with its axes in another order."""
        return self._constant(tensor, order) if tensor.is_constant else self._turned(tensor, order)

    def reshaped(self, tensor: Tensor, shape: Sequence[int]) -> str:
        """Return the real value of a tensor in another shape, in which one size may be free."""
        if tensor.is_constant or tensor not in self._integers:
            return self.reshape(self.value(tensor), shape)
        self.value(tensor)
        return self._real(tensor, self.reshape(self._integers[tensor][False], shape))

    def is_first_alone(self, tensor: Tensor) -> bool:
        """Tell whether a tensor is there channels first, and would have to be transposed to be read otherwise."""
        return tensor in self._first and tensor not in self._last

    def set(self, tensor: Tensor, name: str, *, first: bool = False, reshape: bool = False) -> None:
        """Say which value a tensor is, before its integers round it.

        `first`: its channels are first; `reshape`: it is yet to get the tensor's shape.
        """
        views = self._first if first else self._last
        views[tensor] = self._rounded(tensor, name, first=first, reshape=reshape)

    def bind(self, tensor: Tensor, name: str) -> None:
        """Let a tensor be a value that is there, as the input of a graph that runs in the rounds of a loop."""
        self._first.pop(tensor, None)
        self._last[tensor] = name

    def alias(self, tensor: Tensor, other: Tensor, order: Sequence[int]) -> bool:
        """Let a tensor be another one with its axes in this order, if that is there already; tell whether it is."""
        if other.is_constant or tensor.rank < 3 or not _same_grid(tensor, other):
            return False
        wanted = {False: tuple(order), True: composed(first_order(tensor.rank), order)}
        for first, asked in wanted.items():
            for other_first in (False, True):
                values = self._first if other_first else self._last
                own = first_order(other.rank) if other_first else tuple(range(other.rank))
                if other in values and asked == own:
                    (self._first if first else self._last)[tensor] = values[other]
                    if other in self._integers:
                        self._integers[tensor] = {first: self._integers[other][other_first]}
                    return True
        return False

    def _turned(self, tensor: Tensor, order: Sequence[int]) -> str:
        """Return a tensor with its axes in this order, from the one that is there; integers are what is turned."""
        first = self.is_first_alone(tensor)
        turn = composed(order, last_order(tensor.rank)) if first else tuple(order)
        if is_identity(turn):
            return (self._first if first else self._last)[tensor]
        if tensor not in self._integers:
            return self.transpose((self._first if first else self._last)[tensor], turn)
        made = self.transpose(self._integers[tensor][first], turn)
        for view, own in ((False, tuple(range(tensor.rank))), (True, first_order(tensor.rank))):
            if tuple(order) == own:
                self._integers[tensor].setdefault(view, made)
        return self._real(tensor, made)

    def _rounded(self, tensor: Tensor, name: str, *, first: bool, reshape: bool) -> str:
        grid = tensor.quantization
        if grid is None or tensor.type not in _STORED:
            return self.reshape(name, tensor.shape) if reshape else name
        stored = self.node("QuantizeLinear", [name, *self._grid(grid, _STORED[tensor.type])])
        stored = self.reshape(stored, tensor.shape) if reshape else stored
        self._integers[tensor] = {first: stored}
        return self._real(tensor, stored)

    def _real(self, tensor: Tensor, stored: str) -> str:
        assert tensor.quantization is not None
        return self.node("DequantizeLinear", [stored, *self._grid(tensor.quantization, _STORED[tensor.type])])

    def _grid(self, grid: Quantization, kind: Any) -> tuple[str, str]:
        scalar = grid.scale.size == 1
        scale = grid.scale.reshape(()) if scalar else grid.scale
        zero = np.broadcast_to(grid.zero_point, grid.scale.shape).astype(kind)
        return self.constant(scale.astype(np.float32), "scale"), self.constant(zero.reshape(scale.shape), "zero_point")

    # Constants

    def constant(self, value: NDArray[Any] | np.generic, name: str = "constant") -> str:
        """Return an initializer; the same value is stored once."""
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.names.new(f"{self._scope}/{name}")
            self.initializers.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def ints(self, values: Sequence[int] | NDArray[Any]) -> str:
        """Return an initializer of int64, which ONNX takes shapes, axes and indices in."""
        return self.constant(np.asarray(values, np.int64), "ints")

    def _constant(self, tensor: Tensor, order: Sequence[int]) -> str:
        if isinstance(tensor.data, bytes) or tensor.type not in (*_ONNX_TYPES, "INT4", "BFLOAT16"):
            raise RefusedOperatorError(f"'{tensor.name}': constants of {tensor.type}")
        key = (tensor, tuple(order))
        if key not in self._constants:
            self._constants[key] = self._real_constant(tensor, order)
        return self._constants[key]

    def _real_constant(self, tensor: Tensor, order: Sequence[int]) -> str:
        grid, values = tensor.quantization, tensor.values
        if grid is None or tensor.type == "FLOAT32":  # a weight that remembers the grid that it lies on
            value = values.astype(np.float32) if tensor.type in ("FLOAT16", "BFLOAT16") else values
            return self.constant(value.transpose(order), "constant")
        if tensor.type not in (*_STORED, "INT32") or grid.block:
            return self.constant(real_values(values, grid).transpose(order), "weights")
        stored = self.constant(values.transpose(order), "integers")
        if tensor.type == "INT32":  # a bias; DequantizeLinear takes no zero point of this type
            scale = grid.scale.reshape(()) if grid.scale.size == 1 else grid.scale
            return self.node("DequantizeLinear", [stored, self.constant(scale, "scale")], axis=0)
        scale_name, zero = self._grid(grid, _STORED[tensor.type])
        axis = {} if grid.scale.size == 1 else {"axis": list(order).index(grid.axis)}
        return self.node("DequantizeLinear", [stored, scale_name, zero], **axis)

    # Nodes

    def node(self, op_type: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Append a node of one output."""
        return self.nodes_of(op_type, inputs, 1, **attributes)[0]

    def nodes_of(self, op_type: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Append a node of several outputs."""
        made = [self.names.new(f"{self._scope}/{op_type}") for _ in range(count)]
        self.nodes.append(helper.make_node(op_type, list(inputs), made, made[0], **attributes))
        return made

    def transpose(self, name: str, order: Sequence[int]) -> str:
        """Return a value with its axes in another order; itself if that is no other."""
        return name if is_identity(order) else self.node("Transpose", [name], perm=list(order))

    def reshape(self, name: str, shape: Sequence[int]) -> str:
        """Return a value in another shape, in which one size may be free."""
        return self.node("Reshape", [name, self.ints(shape)])

    def cast(self, name: str, kind: str) -> str:
        """Return a value as another type, named as in LiteRT's schema."""
        return self.node("Cast", [name], to=_ONNX_TYPES[kind])

    def indices(self, tensor: Tensor) -> str:
        """Return a tensor of integers as the int64 that ONNX takes."""
        if tensor.is_constant:
            return self.ints(tensor.values)
        return self.value(tensor) if tensor.type == "INT64" else self.cast(self.value(tensor), "INT64")


def _same_grid(tensor: Tensor, other: Tensor) -> bool:
    first, second = tensor.quantization, other.quantization
    if first is None or second is None:
        return first is second
    return np.array_equal(first.scale, second.scale) and np.array_equal(first.zero_point, second.zero_point)


def value_info(tensor: Tensor, name: str) -> onnx.ValueInfoProto:
    """Return a graph's input or output of real numbers; free sizes get names."""
    kind = TensorProto.FLOAT if tensor.quantization is not None else _ONNX_TYPES[tensor.type]
    shape = [f"{name}_{axis}" if size < 0 else size for axis, size in enumerate(tensor.shape)]
    if shape and tensor.shape[0] < 0:
        shape[0] = "batch"
    return helper.make_tensor_value_info(name, kind, shape)
