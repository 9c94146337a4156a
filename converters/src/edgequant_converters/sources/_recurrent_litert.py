"""Recurrent layers in a .tflite that TensorFlow's converter wrote: they become LiteRT's own, and remember nothing."""

from flatbuffers import flexbuffers

from edgequant_converters._cudnn import RECURRENT, onnx_layer
from edgequant_converters.ir import Builder, Graph, Model, Operator, Tensor, read_ir, write_ir
from edgequant_converters.onnx_import import lower_operator
from edgequant_converters.passes import simplify
from edgequant_converters.tflite import ModelT, read_model


def with_recurrent_operators(model: ModelT) -> ModelT:
    """Return a normalised model without CudnnRNN, whose variable tensors begin each run anew; without any, itself."""
    has_layers = any(code.customCode == RECURRENT.encode() for code in model.operatorCodes)
    if not has_layers and not any(tensor.isVariable for graph in model.subgraphs for tensor in graph.tensors):
        return model
    network = read_ir(model)
    for graph in list(network.graphs):
        _replace(graph, network)
    simplify(network)
    network.begin_anew()
    return read_model(write_ir(network))


def _replace(graph: Graph, network: Model) -> None:
    """Write each layer where it stood."""
    operators, graph.operators = graph.operators, []
    for operator in operators:
        if operator.custom != RECURRENT:
            graph.operators.append(operator)
            continue
        build = Builder(graph)
        build.scope = operator.output.name
        made = _layer(operator, build, network)
        for later in operators:
            later.inputs = [made if tensor is operator.output else tensor for tensor in later.inputs]
        graph.replace(operator.output, made)


def _layer(operator: Operator, build: Builder, network: Model) -> Tensor:
    x, _, _, params = operator.given
    mode = flexbuffers.GetRoot(bytearray(operator.custom_options)).AsMap["rnn_mode"].AsString
    layer = onnx_layer(mode, params.values, x.shape[2], operator.output.shape[2])
    weights = [build.constant(array, name=f"{build.scope}/weights") for array in layer.weights]
    y = lower_operator(layer.op_type, [x, *weights], layer.attributes, build, network)
    return build.reshape(y, operator.output.shape)
