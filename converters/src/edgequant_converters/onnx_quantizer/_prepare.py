"""Bring a float ONNX graph into the shape that onnxruntime's quantizer understands."""

from pathlib import Path

import onnx
from onnx import ModelProto

from edgequant_converters._errors import UnsupportedError


def prepare(path: Path) -> ModelProto:
    """Return the graph with inferred shapes, folded constants and fused batch norms, every node named.

    Names are made here because `keep_float` and onnxruntime's exclusion list both go by node name.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_name(f"{path.stem}-prepared.onnx")
    try:
        quant_pre_process(str(path), str(prepared), auto_merge=True)
    except Exception as error:  # symbolic shape inference raises bare Exception
        raise UnsupportedError(
            f"The shapes of this graph cannot be inferred, which quantization needs: {str(error).splitlines()[0]}"
        ) from error
    model = onnx.load(prepared)
    prepared.unlink()
    name_nodes(model)
    return model


def name_nodes(model: ModelProto) -> None:
    """Give every node a unique name: its own, or its type and number."""
    taken: set[str] = set()
    for number, node in enumerate(model.graph.node):
        name = node.name or f"{node.op_type}_{number}"
        node.name = name if name not in taken else f"{name}_{number}"
        taken.add(node.name)
