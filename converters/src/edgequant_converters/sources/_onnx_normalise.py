"""Bringing an ONNX graph into the form that the quantizers take."""

from collections.abc import Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from ._exporter_notes import drop_exporter_notes
from ._onnx_file import graph_inputs

MINIMUM_OPSET = 17

_NHWC_TO_NCHW = [0, 3, 1, 2]


def normalised(model: onnx.ModelProto, channels_last: frozenset[str]) -> onnx.ModelProto:
    """Return a copy with weights that are not inputs, opset 17 or newer, inferred shapes, and NHWC inputs on request.

    A graph that onnx's version converter cannot raise keeps its opset; a free batch stays free.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    drop_exporter_notes(copy)
    _drop_weights_from_inputs(copy)
    copy = _raised(copy)
    for value in list(copy.graph.input):
        if value.name in channels_last:
            _take_channels_last(copy.graph, value)
    return onnx.shape_inference.infer_shapes(copy)


def describe_outputs(model: onnx.ModelProto, outputs: Sequence[NDArray[Any]]) -> None:
    """Give outputs whose shape could not be inferred that of their values: without one a file is not valid.

    Where an input has a free size, so may the output.
    """
    fixed = all(d.HasField("dim_value") for value in graph_inputs(model) for d in value.type.tensor_type.shape.dim)
    for value, values in zip(model.graph.output, outputs, strict=True):
        kind = value.type.tensor_type
        if not kind.HasField("shape"):
            kind.shape.SetInParent()
            for size in values.shape:
                kind.shape.dim.add(**({"dim_value": size} if fixed else {}))


def _drop_weights_from_inputs(model: onnx.ModelProto) -> None:
    fed = graph_inputs(model)
    del model.graph.input[:]
    model.graph.input.extend(fed)


def _raised(model: onnx.ModelProto) -> onnx.ModelProto:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions or versions[0] >= MINIMUM_OPSET:
        return model
    try:
        raised = onnx.version_converter.convert_version(model, MINIMUM_OPSET)
        onnx.checker.check_model(onnx.shape_inference.infer_shapes(raised))  # outputs may have lost theirs
    except Exception:  # the converter has gaps, and raises RuntimeError and its own ConvertError
        return model
    return raised


def _take_channels_last(graph: onnx.GraphProto, value: onnx.ValueInfoProto) -> None:
    """Make this NCHW input NHWC, with a Transpose behind it under a new name."""
    inner = f"{value.name}_nchw"
    for node in graph.node:
        node.input[:] = [inner if name == value.name else name for name in node.input]
    graph.node.insert(0, helper.make_node("Transpose", [value.name], [inner], perm=_NHWC_TO_NCHW, name=inner))
    dims = value.type.tensor_type.shape.dim
    sizes = [onnx.TensorShapeProto.Dimension() for _ in dims]
    for size, axis in zip(sizes, (0, 2, 3, 1), strict=True):
        size.CopyFrom(dims[axis])
    del dims[:]
    dims.extend(sizes)
