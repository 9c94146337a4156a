"""int4 weights in blocks of 32 for matrix products (MatMulNBits)."""

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgequant_converters._request import QuantizationRequest

BLOCK = 32
"""Values along the reduced axis that share one scale."""


def quantize_int4_weights(model: ModelProto, request: QuantizationRequest) -> ModelProto:
    """Return the graph with MatMulNBits for every constant matrix; asymmetric 4-bit blocks along the reduced axis."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    split_gemms(model.graph)
    excluded = [node.name for node in model.graph.node if request.keeps_float(node.op_type, node.name)]
    quantizer = MatMulNBitsQuantizer(model, bits=4, block_size=BLOCK, is_symmetric=False, nodes_to_exclude=excluded)
    quantizer.process()
    quantized: ModelProto = quantizer.model.model
    return quantized


def split_gemms(graph: GraphProto) -> None:
    """Rewrite Gemm(x, w, b) with constant w as MatMul and Add: MatMulNBits passes Gemm by without a word."""
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        weight = initializers.get(node.input[1]) if node.op_type == "Gemm" else None
        nodes.extend([node] if weight is None else _matmul_and_add(graph, node, weight))
    del graph.node[:]
    graph.node.extend(nodes)


def _matmul_and_add(graph: GraphProto, gemm: NodeProto, weight: TensorProto) -> list[NodeProto]:
    attributes = {a.name: helper.get_attribute_value(a) for a in gemm.attribute}
    if attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0 or attributes.get("transA", 0):
        return [gemm]
    matrix = numpy_helper.to_array(weight)
    matrix = np.ascontiguousarray(matrix.T) if attributes.get("transB", 0) else matrix
    name = f"{gemm.name}_matrix"
    graph.initializer.append(numpy_helper.from_array(matrix, name))
    if not any(weight.name in other.input for other in graph.node if other is not gemm):
        graph.initializer.remove(weight)
    biased = len(gemm.input) > 2 and bool(gemm.input[2])
    product = f"{gemm.name}_product" if biased else gemm.output[0]
    nodes = [helper.make_node("MatMul", [gemm.input[0], name], [product], gemm.name)]
    if biased:
        nodes.append(helper.make_node("Add", [product, gemm.input[2]], [gemm.output[0]], f"{gemm.name}_bias"))
    return nodes
