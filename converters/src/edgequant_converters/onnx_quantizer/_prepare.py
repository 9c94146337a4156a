"""Bring a float ONNX graph into the shape that onnxruntime's quantizer understands."""

import tempfile
from pathlib import Path

import onnx
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import EngineDeathError, current_process
from onnx import ModelProto

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._plain_gemms import plain_gemms
from edgequant_converters._reason import reason


def prepare(path: Path) -> ModelProto:
    """Return the graph with folded constants, fused batch norms, plain Gemms, inferred shapes, and every node named.

    onnxruntime's symbolic shape inference is left out: it drops a file into the current folder when it fails.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
        optimized, prepared = Path(folder, "optimized.onnx"), Path(folder, "prepared.onnx")
        try:
            current_process().optimize_onnx(path, optimized)
        except EngineDeathError as error:
            raise SourceError(str(error)) from error
        except SessionError as error:
            raise UnsupportedError(f"This graph cannot be prepared for quantization: {error}") from error
        try:
            quant_pre_process(str(optimized), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
            model = onnx.load(prepared)
            # Exporters note the shapes of weights too: the quantizer trips over them once it has transposed a weight.
            del model.graph.value_info[:]
            plain_gemms(model.graph)  # last, because the optimizer makes Gemms and folds into them
            model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except Exception as error:  # the optimizer and the checker raise bare Exceptions of their own
            raise UnsupportedError(f"This graph cannot be prepared for quantization: {reason(error)}.") from error
    _name_nodes(model)
    return model


def _name_nodes(model: ModelProto) -> None:
    """Give every node a unique name, its own or its type and number: `keep_float` and exclusion lists go by it."""
    taken: set[str] = set()
    for number, node in enumerate(model.graph.node):
        name = node.name or f"{node.op_type}_{number}"
        node.name = name if name not in taken else f"{name}_{number}"
        taken.add(node.name)
