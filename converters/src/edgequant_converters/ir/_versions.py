"""The version of an operator that a file must ask for: LiteRT refuses those that it does not have.

The rules are those of LiteRT's op_version.cc, for what this package writes. A file asks for the lowest version that has
what the operator uses, so that the oldest runtime that can run it does.
"""

from collections.abc import Callable
from typing import TypeAlias

from ._model import Operator, Tensor

_Rule: TypeAlias = Callable[[Operator], int]


def version_of(operator: Operator) -> int:
    """Return the version to write: the lowest that fits; an operator without rules keeps the one that it has."""
    rule = _RULES.get(operator.code)
    return operator.version if rule is None or not operator.given else rule(operator)


def _type(operator: Operator, index: int) -> str:
    tensor = operator.input(index)
    return "" if tensor is None else tensor.type


def _per_channel(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.quantization is not None and len(tensor.quantization.scale) > 1


def _by_type(index: int = 0, /, otherwise: int = 1, **versions: int) -> _Rule:
    """Return the rule of an operator whose version follows from the type of one input."""
    return lambda operator: versions.get(_type(operator, index), otherwise)


def _broadcasts_wide(operator: Operator) -> bool:
    first, second = operator.given[:2]
    return first.shape != second.shape and max(first.rank, second.rank) > 4


def _extremum(operator: Operator) -> int:
    if _type(operator, 0) == "INT16":
        return 4
    return 3 if _broadcasts_wide(operator) else _by_type(INT8=2)(operator)


def _is_hybrid(operator: Operator, weights: int = 1) -> bool:
    return _type(operator, 0) == "FLOAT32" and _type(operator, weights) == "INT8"


def _bias_type(operator: Operator) -> bool:
    """Tell whether a bias of another type than int16x8 layers usually have is named."""
    return _type(operator, 0) == "INT16" and operator.options.get("quantizedBiasType", "FLOAT32") != "FLOAT32"


def _conv(operator: Operator) -> int:
    x, weights = operator.given[:2]
    if _bias_type(operator):
        return 8
    if x.rank == weights.rank == 4 and 0 < weights.shape[3] < x.shape[3]:
        return 6  # grouped
    if x.type == "INT8":
        return 7 if weights.type == "INT4" else 3
    if x.type == "INT16":
        return 4
    if _is_hybrid(operator):
        return 5 if _per_channel(weights) else 2
    return 1


def _depthwise(operator: Operator) -> int:
    x, weights = operator.given[:2]
    if x.type == "INT16":
        return 5
    if _is_hybrid(operator):
        return 6 if _per_channel(weights) else 4
    if x.type == "INT8":
        return 7 if weights.type == "INT4" else 3
    dilated = any(operator.options.get(key, 1) != 1 for key in ("dilationWFactor", "dilationHFactor"))
    return 2 if dilated else 1


def _fully_connected(operator: Operator) -> int:
    x, weights = operator.given[:2]
    if x.type == "INT16" and weights.type == "INT4":
        return 13
    if _is_hybrid(operator) and _per_channel(weights):
        return 12
    if _bias_type(operator):
        return 11
    if x.type == "INT8" and weights.type == "INT4":
        return 10
    if weights.sparsity is not None:
        return 8
    if x.type == "INT16":
        return 7
    if len(operator.inputs) == 2:
        return 6
    if operator.options.get("keepNumDims"):
        return 5
    if x.type == "INT8":
        return 4
    if _is_hybrid(operator):
        return 9 if operator.options.get("asymmetricQuantizeInputs") else 3
    return 2 if operator.options.get("weightsFormat", "DEFAULT") != "DEFAULT" else 1


def _transpose_conv(operator: Operator) -> int:
    if _type(operator, 2) == "INT16" and operator.options.get("quantizedBiasType", "FLOAT32") != "FLOAT32":
        return 5
    if operator.options.get("fusedActivationFunction", "NONE") != "NONE":
        return 4
    if operator.input(3) is not None:
        return 3
    return 2 if _type(operator, 1) == "INT8" else 1


def _embedding(operator: Operator) -> int:
    table = operator.input(1)
    return 4 if _type(operator, 1) == "INT4" or _per_channel(table) else 1


def _gather(operator: Operator) -> int:
    if _type(operator, 0) == "INT4":
        return 7
    if _type(operator, 1) == "INT16":
        return 6
    if operator.options.get("batchDims"):
        return 5
    return _by_type(INT16=4, BOOL=3, INT8=2)(operator)


def _gather_nd(operator: Operator) -> int:
    if _type(operator, 0) == "BOOL":
        return 5
    return 4 if _type(operator, 1) == "INT16" else _by_type(INT16=3, STRING=2)(operator)


def _multiply(operator: Operator) -> int:
    scales = [t.quantization.scale[0] if t.quantization else 0 for t in (*operator.given[:2], operator.output)]
    if _type(operator, 0) == "INT16" and not scales[0]:
        return 7
    if all(scales) and _type(operator, 0) != "INT16" and scales[0] * scales[1] / scales[2] >= 1:
        return 3
    return _by_type(UINT32=7, COMPLEX64=6, INT64=5, INT16=4, INT8=2)(operator)


def _add(operator: Operator) -> int:
    if _type(operator, 0) == "INT16":
        if operator.given[0].quantization is None:
            return 5
        return 1 if operator.options.get("potScaleInt16", True) else 3
    return _by_type(INT64=4, INT8=2)(operator)


def _subtract(operator: Operator) -> int:
    if _type(operator, 0) == "INT16" and not operator.options.get("potScaleInt16", True):
        return 5
    if _type(operator, 0) == "INT64":
        return 4
    return 3 if _broadcasts_wide(operator) else _by_type(INT8=2)(operator)


def _absolute(operator: Operator) -> int:
    if _type(operator, 0) == "INT16":
        return 4 if operator.given[0].quantization is None else 3
    return _by_type(INT32=5, INT8=2, UINT8=2)(operator)


def _transpose(operator: Operator) -> int:
    if _type(operator, 0) == "INT4":
        return 7
    if operator.given[0].rank > 5:
        return 6
    if _type(operator, 0) == "INT16":
        return 5
    return 4 if operator.given[0].rank > 4 else _by_type(BOOL=3, INT8=2)(operator)


def _slice(operator: Operator) -> int:
    if _type(operator, 0) == "UINT32":
        return 6
    return 5 if operator.given[0].rank > 4 else _by_type(INT16=4, STRING=3, INT8=2)(operator)


def _strided_slice(operator: Operator) -> int:
    if operator.options.get("offset"):
        return 8
    if _type(operator, 0) == "UINT32":
        return 7
    if operator.options.get("ellipsisMask") or operator.options.get("newAxisMask"):
        return 6
    if _type(operator, 0) == "STRING":
        return 5
    return 4 if operator.given[0].rank > 4 else _by_type(BOOL=3, INT8=2)(operator)


def _batches(operator: Operator) -> int:
    if _type(operator, 0) == "INT16":
        return 4
    return 3 if operator.given[0].rank != 4 else _by_type(INT8=2)(operator)


def _pad(operator: Operator) -> int:
    if _type(operator, 0) == "BOOL":
        return 5
    return 4 if operator.given[0].rank > 4 else _by_type(INT16=3, INT8=2)(operator)


def _resize(operator: Operator) -> int:
    if _type(operator, 0) == "INT16":
        return 4
    centred = operator.options.get("halfPixelCenters")
    aligned = operator.code == "RESIZE_NEAREST_NEIGHBOR" and operator.options.get("alignCorners")
    return 3 if centred or aligned else _by_type(INT8=2)(operator)


def _dequantize(operator: Operator) -> int:
    if _type(operator, 0) == "INT8" and _per_channel(operator.given[0]):
        return 5
    return _by_type(INT4=6, INT16=3, FLOAT16=3, INT8=2)(operator)


def _quantize(operator: Operator) -> int:
    if "INT4" in (_type(operator, 0), operator.output.type):
        return 4
    if _per_channel(operator.output):
        return 3
    return 2 if operator.output.type == "INT16" else 1


def _cast(operator: Operator) -> int:
    types = {_type(operator, 0), operator.output.type}
    for version, names in ((7, {"BFLOAT16"}), (6, {"INT4"}), (5, {"FLOAT64", "FLOAT16"}), (4, {"UINT16"}),
                           (3, {"INT8"}), (2, {"UINT32"})):  # fmt: skip
        if types & names:
            return version
    return 1


def _batch_matmul(operator: Operator) -> int:
    if _is_hybrid(operator) and operator.options.get("asymmetricQuantizeInputs"):
        return 4
    return _by_type(INT16=3, INT8=2)(operator)


def _division(operator: Operator) -> int:
    return 2 if _broadcasts_wide(operator) else 1


def _select(operator: Operator) -> int:
    return 3 if any(tensor.rank == 5 for tensor in operator.given) else 1


def _recurrent(weights: int) -> _Rule:
    """Return the rule of a recurrent layer: what counts is how it quantizes on the fly."""

    def rule(operator: Operator) -> int:
        if not _is_hybrid(operator, weights):
            return 1
        return 3 if operator.options.get("asymmetricQuantizeInputs") else 2

    return rule


def _sequence_lstm(operator: Operator) -> int:
    if operator.options.get("diagonalRecurrentTensors"):
        return 4
    return 5 if _type(operator, 0) == "INT16" else _recurrent(2)(operator)


def _svdf(operator: Operator) -> int:
    if _type(operator, 0) == "INT8":
        return 3
    if not _is_hybrid(operator):
        return 1
    return 4 if operator.options.get("asymmetricQuantizeInputs") else 2


def _dynamic_update(operator: Operator) -> int:
    if _type(operator, 0) in ("INT16", "FLOAT16"):
        return 4 if _type(operator, 0) == "INT16" else 3
    return 2 if _type(operator, 2) == "INT64" else 1


def _top_k(operator: Operator) -> int:
    if "INT16" in (_type(operator, 0), _type(operator, 1), operator.outputs[-1].type):
        return 3
    return _by_type(INT8=2)(operator)


_INT8_2 = _by_type(INT8=2)
_INT8_2_INT16_3 = _by_type(INT8=2, INT16=3)

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(
        ("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPLIT_V", "SUM", "LOG_SOFTMAX", "GREATER", "LESS_EQUAL",
         "SQUARED_DIFFERENCE", "L2_NORMALIZATION"),
        _INT8_2,
    ),
    **dict.fromkeys(
        ("SOFTMAX", "MEAN", "MIRROR_PAD", "REDUCE_MAX", "REDUCE_MIN", "RELU6", "RSQRT", "MAX_POOL_2D",
         "AVERAGE_POOL_2D", "TANH", "LOGISTIC", "LESS", "GREATER_EQUAL"),
        _INT8_2_INT16_3,
    ),
    **dict.fromkeys(("EXP", "LOG", "REDUCE_PROD"), _by_type(INT8=2, INT16=2)),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), _extremum),
    **dict.fromkeys(("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _batches),
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _by_type(BOOL=3, INT8=2)),
    **dict.fromkeys(("UNIDIRECTIONAL_SEQUENCE_RNN", "RNN", "BIDIRECTIONAL_SEQUENCE_RNN"), _recurrent(1)),
    "ABS": _absolute,
    "ADD": _add,
    "BATCH_MATMUL": _batch_matmul,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _recurrent(1),
    "BROADCAST_TO": _by_type(0, 2, INT8=3, INT16=3),
    "CAST": _cast,
    "CONCATENATION": _by_type(UINT32=4, INT16=3, INT8=2),
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _dequantize,
    "DIV": _division,
    "DYNAMIC_UPDATE_SLICE": _dynamic_update,
    "EMBEDDING_LOOKUP": _embedding,
    "EQUAL": _by_type(INT16=4, STRING=3, INT8=2),
    "FILL": _by_type(1, FLOAT16=4, INT8=3, INT16=3, BOOL=2, STRING=2),
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "GATHER_ND": _gather_nd,
    "GELU": _by_type(INT8=2, UINT8=2),
    "LEAKY_RELU": _by_type(INT16=2),
    "MUL": _multiply,
    "NOT_EQUAL": _by_type(STRING=3, INT8=2),
    "PACK": _by_type(INT8=2, INT16=3, UINT32=4),
    "QUANTIZE": _quantize,
    "RANGE": _by_type(INT64=2),
    "RELU": _by_type(INT16=3, INT8=2, UINT8=2),
    "REVERSE_V2": _by_type(INT8=3, BOOL=2),
    "SELECT": _select,
    "SIGN": _by_type(INT32=2),
    "SLICE": _slice,
    "SPARSE_TO_DENSE": _by_type(2, INT8=3, UINT8=3, INT64=2),
    "SPLIT": _by_type(1, INT16=4, INT32=3, INT8=2),
    "SQUEEZE": _by_type(STRING=2),
    "STRIDED_SLICE": _strided_slice,
    "SUB": _subtract,
    "SVDF": _svdf,
    "TILE": _by_type(INT8=3, STRING=2),
    "TOPK_V2": _top_k,
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _sequence_lstm,
    "UNPACK": _by_type(INT8=2, UINT8=2, BOOL=3, INT16=4),
    "WHERE": _by_type(0, 2, BOOL=1),
}  # fmt: skip
