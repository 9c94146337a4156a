"""Bring a float ONNX graph into the shape that onnxruntime's quantizer understands."""

import itertools
import tempfile
from functools import lru_cache
from pathlib import Path

import onnx
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import EngineDeathError, current_process
from onnx import GraphProto, ModelProto

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._plain_gemms import plain_gemms
from edgequant_converters._reason import reason

_WITH_BIAS = {"Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization"}  # at input 2


def prepare(path: Path) -> ModelProto:
    """Return the graph with folded constants, fused batch norms, plain Gemms, inferred shapes, and every node named.

    onnxruntime's symbolic shape inference is left out: it drops a file into the current folder when it fails. A file
    that has just been prepared is not prepared again: a conversion tries several models of one hub.
    """
    model = ModelProto()
    model.CopyFrom(_prepared(path, path.stat().st_mtime_ns))
    return model


@lru_cache(maxsize=1)
def _prepared(path: Path, changed: int) -> ModelProto:
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


def own_biases(graph: GraphProto) -> None:
    """Give every node a bias of its own, since each gets its own scale.

    onnxruntime would do so, but under the bias's name with a number, which may be the name of another value.
    """
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    seen = set[str]()
    for node in graph.node:
        name = node.input[2] if node.op_type in _WITH_BIAS and len(node.input) > 2 else ""
        if name in seen and name in constants:
            new = next(f"{name}_{n}" for n in itertools.count(1) if f"{name}_{n}" not in taken)
            copy = graph.initializer.add()
            copy.CopyFrom(constants[name])
            copy.name = node.input[2] = new
            taken.add(new)
        seen.add(name)
