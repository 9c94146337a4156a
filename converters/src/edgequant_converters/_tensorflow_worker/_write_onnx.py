"""TensorFlow networks to float32 ONNX, by tf2onnx."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tf2onnx

from edgequant_converters._cudnn import RECURRENT, onnx_layer
from edgequant_converters._errors import UnsupportedError

from ._messages import KEEPS_STATE
from ._network import Network
from ._onnx_repairs import repair

_OPSET = 18


def write_onnx(network: Network, path: Path) -> None:
    """Write a float32 ONNX model whose inputs and outputs are in the network's order, in its own (NHWC) layout.

    Raises UnsupportedError for a network that keeps a state, and for operators that tf2onnx does not know.
    """
    if network.keeps_state:
        raise UnsupportedError(f"{network.description} cannot be converted to ONNX: {KEEPS_STATE}.")
    handlers: dict[str, Any] = {
        "Erfc": (_erfc, []), "DenseBincount": (_bincount, []), RECURRENT: (_recurrent, [])
    }  # fmt: skip
    traced = network.traced_for("onnx")
    model, _ = tf2onnx.convert.from_function(
        traced, input_signature=network.signature, opset=_OPSET, custom_op_handlers=handlers
    )
    _inline_captures(model.graph, traced)
    repair(model)
    _save(model, path, network.description)


def _inline_captures(graph: onnx.GraphProto, traced: Any) -> None:
    """Store eager tensors, such as the mean of a Keras Normalization layer, which tf2onnx makes inputs."""
    captures = traced.get_concrete_function().graph.captures
    values = {placeholder.name: value.numpy() for value, placeholder in captures if not _is_resource(value)}
    kept = [value for value in graph.input if value.name not in values]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(values[v.name], v.name) for v in graph.input if v.name in values
    )
    del graph.input[:]
    graph.input.extend(kept)


def _is_resource(value: Any) -> bool:
    return value.dtype.name in ("resource", "variant")  # of a variable, which tf2onnx stores itself


def _erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Write erfc(x), of which Keras makes GELU, as 1 - erf(x)."""
    dtype = tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
    outputs, shapes, dtypes = list(node.output), [context.get_shape(name)], [context.get_dtype(name)]
    context.remove_node(node.name)
    erf = context.make_node("Erf", node.input)
    one = context.make_const(tf2onnx.utils.make_name("one"), dtype(1))
    context.make_node("Sub", [one.output[0], erf.output[0]], outputs=outputs, shapes=shapes, dtypes=dtypes)


def _bincount(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Write how often each number is in a row (or, binary, whether it is), of which Keras makes CategoryEncoding."""
    binary, bins = bool(node.get_attr_value("binary_output")), _number_of_bins(node.inputs[1])
    if bins is None or context.get_shape(node.input[2]) != [0]:
        return  # weights, or bins by the largest number: the operator stays, and is refused by its name
    source, output = node.input[0], node.output[0]
    kind, shape = context.get_dtype(output), [*context.get_shape(source)[:-1], bins]
    numbers = np.arange(bins, dtype=tf2onnx.utils.map_onnx_to_numpy_type(context.get_dtype(source)))
    constants = [numbers, np.array([-1], np.int64), np.array([-2], np.int64)]
    every, last, rows = (context.make_const(tf2onnx.utils.make_name("bins"), value).output[0] for value in constants)
    context.remove_node(node.name)
    columns = context.make_node("Unsqueeze", [source, last]).output[0]
    equal = context.make_node("Equal", [columns, every]).output[0]
    marked = context.make_node("Cast", [equal], attr={"to": kind}).output[0]
    reduced = "ReduceMax" if binary else "ReduceSum"
    context.make_node(reduced, [marked, rows], attr={"keepdims": 0}, outputs=[output], shapes=[shape], dtypes=[kind])


def _number_of_bins(node: Any) -> int | None:
    """Return a size that is constant, or is at least and at most the same constant."""
    if node.is_const():
        return int(node.get_tensor_value())
    most = {int(given.get_tensor_value()) for given in node.inputs if given.is_const()}
    larger = [inner for given in node.inputs if given.type in ("Max", "Maximum") for inner in given.inputs]
    least = {int(given.get_tensor_value()) for given in larger if given.is_const()}
    return most.pop() if len(most) == 1 and most == least else None


def _recurrent(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Write a CudnnRNN as ONNX's operator; its output (steps, batch, hidden) is Y without the axis of directions."""
    output, shape, dtype = node.output[0], context.get_shape(node.output[0]), context.get_dtype(node.output[0])
    source, params = node.input[0], node.inputs[3].get_tensor_value(as_list=False)
    layer = onnx_layer(node.get_attr_str("rnn_mode"), params, context.get_shape(source)[2], shape[2])
    context.remove_node(node.name)
    weights = [context.make_const(tf2onnx.utils.make_name("weights"), array).output[0] for array in layer.weights]
    made = context.make_node(layer.op_type, [source, *weights], attr=layer.attributes)
    axes = context.make_const(tf2onnx.utils.make_name("axes"), np.array([1], np.int64))
    context.make_node("Squeeze", [made.output[0], axes.output[0]], outputs=[output], shapes=[shape], dtypes=[dtype])


def _save(model: onnx.ModelProto, path: Path, description: str) -> None:
    # tf2onnx passes an operator it does not know on under TensorFlow's name, with nothing but a log line.
    unknown = sorted({node.op_type for node in model.graph.node if not onnx.defs.has(node.op_type, node.domain)})
    if unknown:
        raise UnsupportedError(
            f"{description} uses operators that tf2onnx cannot express in ONNX ({', '.join(unknown)}): replace them in "
            "the network, or convert to .tflite."
        )
    onnx.save(model, path)
