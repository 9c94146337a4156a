"""Gemm as MatMul and Add, and which nodes stay in float: onnxruntime's quantizers go by type and name."""

from collections.abc import Set as AbstractSet

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from edgequant_converters._request import QuantizationRequest


def kept_float(graph: GraphProto, request: QuantizationRequest) -> set[str]:
    """Return the names of the nodes that `keep_float` matches, before anything is rewritten."""
    return {node.name for node in graph.node if request.keeps_float(node.op_type, node.name)}


def names_of_kept(kept: AbstractSet[str]) -> list[str]:
    """Return the names to exclude: onnxruntime turns a Gemm called n into a MatMul called n_MatMul by itself."""
    return sorted(kept | {f"{name}_MatMul" for name in kept})


def restore_names(graph: GraphProto, kept: AbstractSet[str]) -> None:
    """Give a kept Gemm that onnxruntime split the name back that the user knows."""
    for node in graph.node:
        if node.name.removesuffix("_MatMul") in kept:
            node.name = node.name.removesuffix("_MatMul")


def split_gemms(graph: GraphProto, kept: AbstractSet[str]) -> None:
    """Rewrite Gemm(x, w, b) with constant w, as `plain_gemms` leaves them, as MatMul and Add, but for those in `kept`.

    MatMulNBits passes Gemm by without a word, and the MatMul keeps the name that the user knows.
    """
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    for node in graph.node:
        splits = node.op_type == "Gemm" and node.name not in kept
        weight = initializers.get(node.input[1]) if splits else None
        nodes.extend([node] if weight is None else _matmul_and_add(graph, node, weight))
    del graph.node[:]
    graph.node.extend(nodes)


def _matmul_and_add(graph: GraphProto, gemm: NodeProto, weight: TensorProto) -> list[NodeProto]:
    attributes = {a.name: helper.get_attribute_value(a) for a in gemm.attribute}
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
