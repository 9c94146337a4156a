"""What training with quantization in the loop decides about the operators of a .tflite."""

import re

import numpy as np

from edgequant_converters._weight_grid import int4_scales
from edgequant_converters.tflite import ModelT, operator_name

from ._recipes import INT4_OPS


def int4_layers(model: ModelT) -> list[str]:
    """Return an exact expression for each layer whose weights lie on a 4-bit grid and whose kernel takes such."""
    return [_scope(model, operator) for operator in model.subgraphs[0].operators if _is_int4(model, operator)]


def without_range(model: ModelT, known: set[str]) -> list[str]:
    """Return an exact expression for each operator that reads or writes a float activation of unknown range."""
    from ai_edge_litert.schema_py_generated import TensorType

    graph = model.subgraphs[0]
    computed = {int(i) for i in graph.inputs} | {int(i) for op in graph.operators for i in op.outputs}
    unknown = {
        i
        for i in computed
        if graph.tensors[i].type == TensorType.FLOAT32 and graph.tensors[i].name.decode() not in known
    }
    return [_scope(model, op) for op in graph.operators if unknown & {int(i) for i in (*op.inputs, *op.outputs)}]


def _is_int4(model: ModelT, operator: object) -> bool:
    if operator_name(model, operator) not in INT4_OPS:
        return False
    weight = model.subgraphs[0].tensors[operator.inputs[1]]  # type: ignore[attr-defined]
    data = model.buffers[weight.buffer].data
    if data is None or not len(data):
        return False
    values = np.frombuffer(bytes(data), np.float32).reshape(weight.shape)
    return int4_scales(values, 0) is not None


def _scope(model: ModelT, operator: object) -> str:
    from ai_edge_quantizer.utils.tfl_flatbuffer_utils import get_op_scope

    return f"^{re.escape(get_op_scope(operator, model.subgraphs[0].tensors))}$"
