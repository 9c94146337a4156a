"""From the graph of LiteRT's operators to an ONNX model: float, or with QuantizeLinear and DequantizeLinear.

`_registry` is a table of operators, which the modules fill; `_writer` knows the values of the graph and the order of
their axes, `_frame` chooses that order for operators that take any.
"""

import onnx
from onnx import TensorProto, helper

from edgequant_converters._errors import UnsupportedError
from edgequant_converters.ir import Model

from . import (  # noqa: F401 (each enters its operators into the table)
    _control,
    _elementwise,
    _indices,
    _layers,
    _moves,
    _pooling,
    _recurrent,
    _reductions,
)
from ._writer import Names, Writer, value_info

__all__ = ["export_onnx"]

_OPSET, _OPSET_OF_INT16 = 20, 21


def export_onnx(model: Model) -> onnx.ModelProto:
    """Return a model as ONNX that takes and gives real numbers, in the shapes and by the names of its signature.

    Integers of a quantized model stay where they are, between QuantizeLinear and DequantizeLinear: what a runtime
    computes there differs from LiteRT by rounding. Raises UnsupportedError that lists every operator that ONNX cannot
    say, and why.
    """
    writer = Writer(model, Names([*model.input_names, *model.output_names]))
    graph = model.main
    inputs = [value_info(tensor, name) for tensor, name in zip(graph.inputs, model.input_names, strict=True)]
    for tensor, name in zip(graph.inputs, model.input_names, strict=True):
        writer.set(tensor, name)
    writer.walk(graph)
    if writer.refused:
        raise UnsupportedError(f"What ONNX cannot say: {'; '.join(writer.refused)}. Write .tflite.")
    for tensor, name in zip(graph.outputs, model.output_names, strict=True):
        writer.nodes.append(helper.make_node("Identity", [writer.value(tensor)], [name], f"output/{name}"))
    outputs = [value_info(tensor, name) for tensor, name in zip(graph.outputs, model.output_names, strict=True)]
    made = helper.make_graph(writer.nodes, graph.name or "main", inputs, outputs, writer.initializers)
    _drop_identities(made)
    wide = any(tensor.data_type == TensorProto.INT16 for tensor in writer.initializers)
    opset = helper.make_opsetid("", _OPSET_OF_INT16 if wide else _OPSET)
    return helper.make_model(made, opset_imports=[opset], producer_name="edgequant")


def _drop_identities(graph: onnx.GraphProto) -> None:
    """Let the node that makes an output's value make it under the output's name, where nothing else is called so."""
    makers = {name: node for node in graph.node for name in node.output}
    outputs = {value.name for value in graph.output}
    renamed: dict[str, str] = {}
    for node in list(graph.node):
        source = node.input[0] if node.op_type == "Identity" and node.output[0] in outputs else ""
        if source in makers and source not in renamed and source not in outputs:
            renamed[source] = node.output[0]
            graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
