"""Resize without its attribute axes, which onnxruntime's optimizer overlooks where it moves a Transpose past one.

Such a model does not open ("Number of elements of input 'sizes' does not match the number of axes").
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

_SCALES, _SIZES = 2, 3


def whole_resizes(model: ModelProto) -> set[str]:
    """Give every Resize with axes, in place, its sizes or scales for all axes; return the constants it had for them.

    A size that is free is read from the input. Left as they are: a Resize of a region, or one that keeps the aspect
    ratio, since both speak of the given axes alone, computed sizes and scales, and inputs of unknown rank.
    """
    if not any(_axes(node) for node in model.graph.node):
        return set()
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    shapes = {value.name: value.type.tensor_type.shape for value in values if value.type.tensor_type.HasField("shape")}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, replaced = list[NodeProto](), set[str]()
    for node in model.graph.node:
        which = _SIZES if len(node.input) > _SIZES and node.input[_SIZES] else _SCALES
        if _axes(node) and node.input[0] in shapes and node.input[which] in constants:
            given = constants[node.input[which]]
            replaced.add(given.name)
            dims = shapes[node.input[0]].dim
            shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
            nodes += _rewrite(model.graph, node, which, numpy_helper.to_array(given), shape)
        nodes.append(node)
    rewritten = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(rewritten)
    return replaced


def _rewrite(
    graph: GraphProto, node: NodeProto, which: int, given: NDArray[Any], shape: list[int | None]
) -> list[NodeProto]:
    """Let the input `which` of a node speak of all axes; return the nodes that compute it, if any do."""
    asked = dict(zip((axis % len(shape) for axis in _axes(node)), given.tolist(), strict=True))
    kept = [attribute for attribute in node.attribute if attribute.name != "axes"]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.input[which] = f"{node.output[0]}/{'sizes' if which == _SIZES else 'scales'}"
    if which == _SIZES:
        return _sizes(graph, node.input[0], node.input[which], [asked.get(i, size) for i, size in enumerate(shape)])
    _constant(graph, node.input[which], np.array([asked.get(i, 1.0) for i in range(len(shape))], np.float32))
    return []


def _axes(node: NodeProto) -> list[int]:
    """Return the axes of a Resize that can speak of all; none of any other node."""
    if node.op_type != "Resize" or node.domain not in ("", "ai.onnx"):
        return []
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    of_a_region = attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize"
    if of_a_region or attributes.get("keep_aspect_ratio_policy", b"stretch") != b"stretch":
        return []
    return list(attributes.get("axes", ()))


def _sizes(graph: GraphProto, x: str, name: str, sizes: list[int | None]) -> list[NodeProto]:
    """Put the sizes into the graph under a name; return the nodes that compute those that are None, which are x's."""
    if None not in sizes:
        _constant(graph, name, np.array(sizes, np.int64))
        return []
    nodes, parts = list[NodeProto](), [f"{name}/{axis}" for axis in range(len(sizes))]
    for axis, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        if size is None:
            nodes.append(helper.make_node("Shape", [x], [part], part, start=axis, end=axis + 1))
        else:
            _constant(graph, part, np.array([size], np.int64))
    return [*nodes, helper.make_node("Concat", parts, [name], name, axis=0)]


def _constant(graph: GraphProto, name: str, values: NDArray[Any]) -> None:
    graph.initializer.append(numpy_helper.from_array(values, name))
