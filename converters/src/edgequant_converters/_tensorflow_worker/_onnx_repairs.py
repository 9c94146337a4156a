"""What tf2onnx writes wrongly: groups of convolutions of volumes, and sizes as a rounded scale."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

Shapes = Mapping[str, Sequence[int]]


def repair(model: onnx.ModelProto) -> None:
    """Mend these nodes, in place, wherever the shapes of their inputs are known."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.value_info]
    }
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv":
            _group(node, shapes, constants)
        elif node.op_type == "Resize":
            _size(node, shapes, constants, model.graph)


def _group(node: onnx.NodeProto, shapes: Shapes, constants: Mapping[str, onnx.TensorProto]) -> None:
    """Give a convolution the groups that its weights (out, in of a group, ...) ask for: tf2onnx says 1 for volumes."""
    given, weights = shapes.get(node.input[0], ()), constants.get(node.input[1])
    if weights is None or len(given) < 2 or given[1] == 0 or given[1] % weights.dims[1]:
        return
    kept = [attribute for attribute in node.attribute if attribute.name != "group"]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute("group", given[1] // weights.dims[1])])


def _size(
    node: onnx.NodeProto, shapes: Shapes, constants: Mapping[str, onnx.TensorProto], graph: onnx.GraphProto
) -> None:
    """Say the size itself: 9 / 5 in float32, times 5, is less than 9, and ONNX rounds down."""
    given, scales = shapes.get(node.input[0], ()), constants.get(node.input[2]) if len(node.input) == 3 else None
    if scales is None or not given or not all(given):
        return
    sizes = np.rint(np.asarray(given) * numpy_helper.to_array(scales)).astype(np.int64)
    name = f"{node.output[0]}/sizes"
    graph.initializer.append(numpy_helper.from_array(sizes, name))
    node.input[:] = [node.input[0], node.input[1], "", name]
