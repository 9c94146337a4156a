"""Why ai-edge-quantizer refuses a network, as one sentence with the way out."""

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._reason import reason
from edgequant_converters.tflite import ModelT, operator_name

_WITH_BODY = "STABLEHLO_REDUCE_WINDOW"
_NO_RANGE = "tensor_name_to_qsv"  # is in what it says of operators inside of others
_WRONG_SCALES = "Ranks of scales"  # begins what it says of constants beside an activation, such as a maximum's
_WITH_CONSTANTS = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "POW", "SQUARED_DIFFERENCE", "SUB")


def quantizer_refusal(error: Exception, model: ModelT) -> UnsupportedError:
    """Return what the quantizer's error means for the float model that it was given."""
    why, instead = f"{reason(error)}.", "Try dynamic, or --keep-float for that operator."
    if _NO_RANGE in str(error) and _WITH_BODY in _types(model):
        why = f"it has {_WITH_BODY}, as local response normalization and dilated pooling become, with no int8 inside."
        instead = "Try dynamic, or write int8 as .onnx."
    elif str(error).startswith(_WRONG_SCALES) and (beside := _types_with_constants(model)):
        why = "the quantizer finds no scale for a constant beside an activation, as torch.nn.functional.normalize has."
        instead = f"Add --keep-float '{'|'.join(beside)}', or try dynamic."
    return UnsupportedError(f"This network cannot be quantized so: {why} {instead}")


def _types(model: ModelT) -> set[str]:
    return {operator_name(model, operator) for operator in model.subgraphs[0].operators}


def _types_with_constants(model: ModelT) -> list[str]:
    """Return the types of elementwise operators that have a constant beside an activation."""
    graph = model.subgraphs[0]
    found = set()
    for operator in graph.operators:
        given = [graph.tensors[index] for index in operator.inputs if index >= 0]
        if any(model.buffers[tensor.buffer].data is not None for tensor in given):
            found.add(operator_name(model, operator))
    return sorted(found.intersection(_WITH_CONSTANTS))
