"""Loading an .onnx file, with everything checked that can be wrong with it."""

from pathlib import Path
from typing import Any

import onnx

from edgequant_converters._endless_loops import endless_loop
from edgequant_converters._errors import SourceError
from edgequant_converters._onnx_external import load_external_weights
from edgequant_converters._reason import reason

_FUSED_ON_INTEGERS = frozenset({"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QAttention"})
"""What ONNX Runtime makes of them when it optimizes a graph whose scales are computed as it runs."""


def load_onnx(path: Path) -> onnx.ModelProto:
    """Return the float graph in the file, weights included and the model's own functions inlined.

    Raises SourceError for a file that is missing, empty, cut short, not ONNX, without its external weights, not valid,
    with layers of ONNX Runtime's own that quantize on the fly, or without an end.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not a file: give an .onnx model.")
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name} is empty: give an .onnx model.")
    model = _parse(path)
    load_external_weights(model, path)
    _refuse_fused_integers(model, path)
    _check(model, path)
    if model.functions:
        from onnx.inliner import inline_local_functions

        model = inline_local_functions(model)
    _refuse_endless_loops(model, path)
    return model


def _parse(path: Path) -> onnx.ModelProto:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as error:
        raise SourceError(f"{path.name} is not an ONNX model, or is cut short: copy or export it again.") from error
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise SourceError(f"{path.name} is not an ONNX model: it holds no graph with nodes and outputs.")
    return model


def _refuse_fused_integers(model: onnx.ModelProto, path: Path) -> None:
    quantized = sorted({node.op_type for node in model.graph.node} & _FUSED_ON_INTEGERS)
    if quantized:
        raise SourceError(
            f"{path.name} is quantized already ({', '.join(quantized)}): give the float model it came from."
        )


def _refuse_endless_loops(model: onnx.ModelProto, path: Path) -> None:
    name = endless_loop(model.graph)
    if name is not None:
        raise SourceError(
            f"{path.name}: the Loop '{name}' has no end, as its condition stays true and no number of rounds is given: "
            "give it one of them."
        )


def _check(model: onnx.ModelProto, path: Path) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise SourceError(f"{path.name} is not a valid ONNX model: {reason(error)}.") from error
    except ValueError as error:  # protobuf's limit of 2 GB for one message
        raise SourceError(f"{path.name} cannot be checked: {reason(error)}.") from error


def graph_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a user feeds: old graphs list their weights as inputs too."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def shape_of(value: onnx.ValueInfoProto) -> list[int | None]:
    """Return the sizes of an input's or output's axes, None where one is free."""
    dims: list[Any] = list(value.type.tensor_type.shape.dim)
    return [int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in dims]
