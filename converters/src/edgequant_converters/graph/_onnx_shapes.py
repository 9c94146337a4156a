"""Shapes of every tensor of an ONNX model, as far as they can be known without running it."""

import contextlib
import logging
import tempfile

import onnx


def with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with inferred shapes.

    ONNX's own inference knows the standard ops only; for models with ops of other domains (onnxruntime's own quantized
    ones) onnxruntime's symbolic inference fills in what it can. What neither can tell stays unknown.
    """
    inferred = _standard(model)
    if all(node.domain in ("", "ai.onnx") for node in model.graph.node):
        return inferred
    return _symbolic(inferred)


def _standard(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError):  # ValueError: larger than protobuf's 2 GB
        return model


def _symbolic(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

    logger = logging.getLogger("onnxruntime.tools.symbolic_shape_infer")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        # When it gives up it writes the model, weights and all, into the current folder, of all places.
        with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
            result = SymbolicShapeInference.infer_shapes(model, auto_merge=True)
    except Exception:  # it asserts and raises bare Exceptions on graphs that it cannot follow
        return model
    finally:
        logger.setLevel(before)
    return result if result is not None else model
