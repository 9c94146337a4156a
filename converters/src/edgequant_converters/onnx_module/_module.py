"""The graph as a module: constants are resolved when it is built, the rest runs as ATen operators."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgequant_converters._errors import ConverterError, UnsupportedError
from edgequant_converters._reason import reason

from . import (  # noqa: F401 (each enters its operators into the table)
    _convolution,
    _elementwise,
    _image,
    _matmul,
    _normalisation,
    _pooling,
    _recurrent,
    _reduction,
    _shape,
)
from ._node import Node, read_node
from ._registry import OPERATORS

_DOMAINS = ("", "ai.onnx")
_ALWAYS_CONSTANT = {"Shape", "Size"}  # shapes are static


class OnnxModule(nn.Module):
    """A float ONNX graph with static shapes, that torch.export can trace.

    The graph runs once when the module is built: every value that does not depend on the inputs (weights, constants,
    arithmetic on shapes) is kept, and only the other nodes remain. forward() takes the inputs in the graph's order and
    returns a tuple of its outputs.

    Raises UnsupportedError that lists every operator that is not known, or names a node whose use of one is not.
    """

    def __init__(self, model: onnx.ModelProto, example_inputs: Mapping[str, Tensor]) -> None:
        super().__init__()
        unknown = unsupported_operators(model)
        if unknown:
            raise UnsupportedError(
                f"The ONNX operators {', '.join(unknown)} cannot be converted to LiteRT: replace them, or write .onnx."
            )
        self._input_names = tuple(example_inputs)
        self._output_names = tuple(output.name for output in model.graph.output)
        constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        with torch.no_grad():
            self._steps = _resolve(model, constants, dict(example_inputs))
        used = [name for step in self._steps for name in step.inputs] + list(self._output_names)
        self._buffer_names = {name: f"constant_{i}" for i, name in enumerate(dict.fromkeys(used)) if name in constants}
        for name, buffer in self._buffer_names.items():
            self.register_buffer(buffer, _tensor(constants[name]))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run the graph."""
        values: dict[str, Tensor] = dict(zip(self._input_names, inputs, strict=True))
        values |= {name: self.get_buffer(buffer) for name, buffer in self._buffer_names.items()}
        for step in self._steps:
            values.update(_run(step, values))
        return tuple(values[name] for name in self._output_names)


def unsupported_operators(model: onnx.ModelProto) -> list[str]:
    """Return the operators in the graph that OnnxModule does not know, sorted; with their domain if it is not ONNX."""
    unknown = {
        node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
        for node in model.graph.node
        if node.domain not in _DOMAINS or node.op_type not in OPERATORS
    }
    return sorted(unknown)


def _resolve(model: onnx.ModelProto, constants: dict[str, NDArray[Any]], values: dict[str, Tensor]) -> list[Node]:
    """Run the graph on example values; add what is constant to `constants` and return the nodes that are not."""
    opset = next((entry.version for entry in model.opset_import if entry.domain in _DOMAINS), 0)
    values |= {name: _tensor(value) for name, value in constants.items()}
    steps = []
    for proto in model.graph.node:
        node = _with_transposed_weight(read_node(proto, opset, constants), constants, values)
        try:
            outputs = _run(node, values)
        except ConverterError:
            raise
        except Exception as error:  # torch's RuntimeError, KeyError, TypeError ...: for attributes of no case here
            raise UnsupportedError(
                f"The node {proto.name or proto.output[0]} ({node.op_type}) cannot be converted to LiteRT, as PyTorch "
                f"refuses its attributes or shapes ({reason(error)}): change it, or write .onnx."
            ) from error
        values |= outputs
        if node.op_type in _ALWAYS_CONSTANT or all(name in constants for name in node.inputs if name):
            constants |= {name: value.numpy() for name, value in outputs.items()}
        else:
            steps.append(node)
    return steps


def _run(node: Node, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    outputs = OPERATORS[node.op_type](node, *(values[name] if name else None for name in node.inputs))
    listed = (outputs,) if isinstance(outputs, Tensor) else outputs
    if any(node.outputs[len(listed) :]):
        node.unsupported(f"its output {len(listed)}")
    return {name: value for name, value in zip(node.outputs, listed, strict=False) if name}


def _with_transposed_weight(node: Node, constants: dict[str, NDArray[Any]], values: dict[str, Tensor]) -> Node:
    """Turn a product with a constant matrix into a Gemm with transB=1, which is what a fully-connected layer stores."""
    weight = node.constants.get(1)
    if node.op_type not in ("MatMul", "Gemm") or weight is None or weight.ndim != 2 or node.get("transB", 0):
        return node
    name = f"{node.inputs[1]}:transposed"
    constants[name] = np.ascontiguousarray(weight.T)
    values[name] = _tensor(constants[name])
    op_type = "MatMulTransposed" if node.op_type == "MatMul" else "Gemm"
    inputs = (node.inputs[0], name, *node.inputs[2:])
    return replace(node, op_type=op_type, inputs=inputs, attributes=node.attributes | {"transB": 1})


def _tensor(value: NDArray[Any]) -> Tensor:
    try:
        return torch.from_numpy(np.array(value))
    except TypeError as error:
        raise UnsupportedError(f"The ONNX graph holds {value.dtype} values, which cannot be converted.") from error
