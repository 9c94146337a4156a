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

_OPSET = 18


def write_onnx(network: Network, path: Path) -> None:
    """Write a float32 ONNX model whose inputs and outputs are in the network's order, in its own (NHWC) layout.

    Raises UnsupportedError for a network that keeps a state, and for operators that tf2onnx does not know.
    """
    if network.keeps_state:
        raise UnsupportedError(f"{network.description} cannot be converted to ONNX: {KEEPS_STATE}.")
    handlers: dict[str, Any] = {"Erfc": (_erfc, []), RECURRENT: (_recurrent, [])}
    traced = network.traced_for("onnx")
    model, _ = tf2onnx.convert.from_function(
        traced, input_signature=network.signature, opset=_OPSET, custom_op_handlers=handlers
    )
    _inline_captures(model.graph, traced)
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
