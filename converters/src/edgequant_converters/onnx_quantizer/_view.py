"""An ONNX graph as the analysis of `quantizer` sees it, so that one analysis decides for both file formats."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper

from edgequant_converters._request import Ranges
from edgequant_converters.ir import Graph, Operator, Tensor, constant
from edgequant_converters.quantizer import OPERATORS, Decision, decide

_CODES = {
    "Abs": "ABS", "Add": "ADD", "AveragePool": "AVERAGE_POOL_2D", "Clip": "RELU6", "Concat": "CONCATENATION",
    "Conv": "CONV_2D", "ConvTranspose": "TRANSPOSE_CONV", "Div": "DIV", "Exp": "EXP", "Expand": "BROADCAST_TO",
    "Flatten": "RESHAPE", "Gather": "GATHER", "Gemm": "FULLY_CONNECTED", "GlobalAveragePool": "AVERAGE_POOL_2D",
    "Identity": "RESHAPE", "LeakyRelu": "LEAKY_RELU", "Log": "LOG", "MatMul": "BATCH_MATMUL", "Max": "MAXIMUM",
    "MaxPool": "MAX_POOL_2D", "Min": "MINIMUM", "Mul": "MUL", "Neg": "NEG", "Pad": "PAD", "ReduceMean": "MEAN",
    "ReduceSum": "SUM", "Relu": "RELU", "Reshape": "RESHAPE", "Resize": "RESIZE_BILINEAR", "Sigmoid": "LOGISTIC",
    "Slice": "STRIDED_SLICE", "Softmax": "SOFTMAX",
    "Split": "SPLIT", "Sqrt": "SQRT", "Squeeze": "SQUEEZE", "Sub": "SUB", "Tanh": "TANH", "Tile": "TILE",
    "Transpose": "TRANSPOSE", "Unsqueeze": "EXPAND_DIMS", "Where": "SELECT_V2",
}  # fmt: skip
"""ONNX operators by the name of the LiteRT operator that asks the same of its scales. Others are known by no rule."""


def decide_for(model: ModelProto, ranges: Ranges, kept: AbstractSet[str]) -> tuple[dict[str, str], Ranges]:
    """Return why nodes are better left in float, by their names, and the ranges to take; see `quantizer.decide`.

    `model` has inferred shapes. Constants that end elsewhere than their values do, such as masks of minus infinity,
    are clipped in place.
    """
    graph, nodes = view_of(model)
    integer = _integer_types()
    able = {op for op, node in nodes.items() if node.op_type in integer and node.name not in kept and _is_known(op)}
    found = decide(graph, able, ranges)
    _clip_constants(model.graph, found)
    return {nodes[operator].name: reason for operator, reason in found.kept.items()}, found.ranges


def view_of(model: ModelProto) -> tuple[Graph, dict[Operator, NodeProto]]:
    """Return the graph with LiteRT's names, and the node that each operator stands for."""
    types = {value.name: value for value in (*model.graph.value_info, *model.graph.output, *model.graph.input)}
    tensors: dict[str, Tensor] = {}
    for initializer in model.graph.initializer:
        tensors[initializer.name] = constant(initializer.name, numpy_helper.to_array(initializer))

    def tensor(name: str) -> Tensor | None:
        if name and name not in tensors:
            tensors[name] = _described(name, types)
        return tensors.get(name)

    graph, nodes = Graph(), dict[Operator, NodeProto]()
    graph.inputs = [found for value in model.graph.input if (found := tensor(value.name)) is not None]
    for node in model.graph.node:
        outputs = [found for name in node.output if (found := tensor(name)) is not None]
        operator = Operator(_CODES.get(node.op_type, node.op_type), [tensor(name) for name in node.input], outputs)
        graph.operators.append(operator)
        nodes[operator] = node
    graph.outputs = [found for value in model.graph.output if (found := tensor(value.name)) is not None]
    return graph, nodes


def _is_known(operator: Operator) -> bool:
    return operator.code in OPERATORS and bool(operator.outputs) and operator.output.type == "FLOAT32"


def _described(name: str, types: Mapping[str, ValueInfoProto]) -> Tensor:
    value = types.get(name)
    kind = value.type.tensor_type if value is not None else None
    is_float = kind is not None and kind.elem_type == TensorProto.FLOAT
    shape = () if kind is None else tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
    return Tensor(name, shape, "FLOAT32" if is_float else "INT64")


def _clip_constants(graph: GraphProto, found: Decision) -> None:
    ends = {tensor.name: ends for tensor, ends in found.constants.items()}
    for initializer in graph.initializer:
        if initializer.name in ends:
            values = np.clip(numpy_helper.to_array(initializer), *ends[initializer.name])
            initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float32), initializer.name))


def _integer_types() -> frozenset[str]:
    """Return the ONNX operators that onnxruntime's quantizer has integer forms of."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return frozenset({*QDQRegistry, *QLinearOpsRegistry})
