"""ONNX files that are newer than the ONNX Runtime beside us, written down in the words that it knows."""

import onnx

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._onnx_write import lowest_ir
from edgequant_converters._reason import reason

NEWEST_IR, NEWEST_OPSET = 13, 26
"""What the pinned onnxruntime opens; a test holds them to it."""

_DEFAULT_DOMAINS = ("", "ai.onnx")


def is_too_new(model: onnx.ModelProto) -> bool:
    """Tell whether onnxruntime refuses the model for its version alone."""
    return model.ir_version > NEWEST_IR or _opset(model) > NEWEST_OPSET


def lowered(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return the model in an operator set and IR version that onnxruntime opens.

    Raises UnsupportedError that names the operators, or the element types, that an older version does not have.
    """
    if _opset(model) > NEWEST_OPSET:
        model = _in_older_opset(model, name)
    model.ir_version = lowest_ir(model)
    if model.ir_version > NEWEST_IR:
        raise UnsupportedError(
            f"{name} holds values of types that ONNX has only since IR version {model.ir_version}; this ONNX Runtime "
            f"reads up to {NEWEST_IR}: export it with float32 values."
        )
    return model


def _in_older_opset(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    opset = _opset(model)
    try:
        older = onnx.version_converter.convert_version(model, NEWEST_OPSET)
        onnx.checker.check_model(older)
    except Exception as error:  # RuntimeError, ConvertError, InferenceError and the checker's own class
        changed = _changed_operators(model)
        which = f" ({', '.join(changed)})" if changed else ""
        raise UnsupportedError(
            f"{name} is written in ONNX opset {opset}, this ONNX Runtime reads up to {NEWEST_OPSET}, and not all "
            f"of its operators can be said in that{which}: export it with opset_version={NEWEST_OPSET} or lower "
            f"({_without_source(reason(error))})."
        ) from error
    return older


def _changed_operators(model: onnx.ModelProto) -> list[str]:
    """Return the operators of the model that did not exist in the newest opset that onnxruntime knows."""
    types = {node.op_type for node in model.graph.node if node.domain in _DEFAULT_DOMAINS}
    return sorted(op_type for op_type in types if not _existed(op_type))


def _existed(op_type: str) -> bool:
    try:
        onnx.defs.get_schema(op_type, NEWEST_OPSET)
    except onnx.defs.SchemaError:
        return False
    return True


def _without_source(text: str) -> str:
    """Drop the place in onnx's own C++ sources that its messages open with."""
    return text.rsplit("failed: ", 1)[-1] if text.startswith("/") else text


def _opset(model: onnx.ModelProto) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in _DEFAULT_DOMAINS), default=0)
