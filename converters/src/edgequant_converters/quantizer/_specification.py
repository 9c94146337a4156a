"""LiteRT's 8-bit quantization specification as a table: which operators have integer kernels, and what these ask for.

From "LiteRT 8-bit quantization specification" and the kernels' own checks. test_quantizer_operators.py holds every row
to LiteRT and to the native engine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

INT8, INT16, FLOAT = "INT8", "INT16", "FLOAT32"


COLUMNS = -1
"""The axis that counts the columns of a product's right matrix: the last, or the one before if it is transposed."""


class Scales(Enum):
    """What an operator asks of the scales of its inputs and outputs."""

    FREE = "each tensor has its own"
    KEPT = "the outputs have the input's: values are moved, or chosen, or averaged without any arithmetic on scales"
    JOINED = "all inputs have the output's"


@dataclass(frozen=True, slots=True)
class Weights:
    """The places of a layer's trained inputs; channels of the output are counted by `axis` of the weights.

    `axis` None: the kernels take one scale for all weights. `bias` is None where the operator has none.
    """

    position: int
    axis: int | None
    bias: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What an operator with an integer kernel needs. Every float input but weights and bias is an activation.

    `types` are the activations' types that LiteRT has kernels for. `fixed` is the (scale, zero point) that the output
    has by definition, for each type. `moves`: the output consists of input values, unchanged. `widest`: the kernel
    takes no input of a larger range.
    """

    scales: Scales = Scales.FREE
    types: tuple[str, ...] = (INT8, INT16)
    fixed: Mapping[str, tuple[float, int]] | None = None
    weights: Weights | None = None
    moves: bool = False
    widest: float = math.inf


_UNIT = {INT8: (1 / 256, -128), INT16: (1 / 32768, 0)}
_SIGNED_UNIT = {INT8: (1 / 128, 0), INT16: (1 / 32768, 0)}

_MOVED = Rule(Scales.KEPT, moves=True)
_MOVED_8 = Rule(Scales.KEPT, (INT8,), moves=True)
_JOINED = Rule(Scales.JOINED, moves=True)

OPERATORS: Mapping[str, Rule] = {
    "CONV_2D": Rule(weights=Weights(1, 0, 2)),
    "DEPTHWISE_CONV_2D": Rule(weights=Weights(1, 3, 2)),
    "FULLY_CONNECTED": Rule(weights=Weights(1, 0, 2)),
    "TRANSPOSE_CONV": Rule(weights=Weights(1, 0, 3)),
    "BATCH_MATMUL": Rule(weights=Weights(1, None, None)),
    **dict.fromkeys(
        ("ABS", "ADD", "DIV", "EXP", "GELU", "LEAKY_RELU", "LOG", "MEAN", "MUL", "RELU", "RELU6",
         "RSQRT", "SQRT", "SUB", "SUM"),
        Rule(),
    ),
    **dict.fromkeys(
        ("ELU", "HARD_SWISH", "PRELU", "RELU_0_TO_1", "RELU_N1_TO_1", "SQUARED_DIFFERENCE"),
        Rule(types=(INT8,)),
    ),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "ARG_MAX", "ARG_MIN"),
                    Rule(types=(INT8,), widest=254.0)),  # LiteRT's comparisons stop the process at a scale of 1
    "SOFTMAX": Rule(fixed=_UNIT),
    "LOGISTIC": Rule(fixed=_UNIT),
    "TANH": Rule(fixed=_SIGNED_UNIT),
    "L2_NORMALIZATION": Rule(types=(INT8,), fixed={INT8: (1 / 128, 0)}),
    **dict.fromkeys(
        ("BATCH_TO_SPACE_ND", "BROADCAST_TO", "EXPAND_DIMS", "GATHER", "GATHER_ND", "MIRROR_PAD", "PAD", "RESHAPE",
         "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPLIT", "SPLIT_V", "SQUEEZE",
         "STRIDED_SLICE", "TILE", "TOPK_V2", "TRANSPOSE", "UNPACK"),
        _MOVED,
    ),
    **dict.fromkeys(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", "EMBEDDING_LOOKUP"), _MOVED_8),
    **dict.fromkeys(("MAX_POOL_2D", "REDUCE_MAX", "REDUCE_MIN"), Rule(Scales.KEPT, moves=True)),
    **dict.fromkeys(("AVERAGE_POOL_2D", "RESIZE_BILINEAR"), Rule(Scales.KEPT)),
    **dict.fromkeys(
        ("CONCATENATION", "DYNAMIC_UPDATE_SLICE", "MAXIMUM", "MINIMUM", "PACK", "PADV2", "SELECT", "SELECT_V2"),
        _JOINED,
    ),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(types=(INT8,)),
}  # fmt: skip
"""Operators that are not here compute in float, LOG_SOFTMAX among them: its int8 output ends at -16 by definition, in
steps of 1/16."""

ADDITIONS = frozenset({"ADD", "SUB"})
"""Operators whose kernels bring both inputs to one scale before they add them."""

FUSED = frozenset({"NONE", "RELU", "RELU6", "RELU_N1_TO_1"})
"""The activation functions that integer kernels have in them."""

INT4_WEIGHTS = frozenset({"FULLY_CONNECTED", "CONV_2D"})
"""The operators whose kernels take 4-bit weights."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The constants of an operator that can be stored in int8 while it computes in float.

    `axis`: each index of it can have a scale of its own; None: one scale for all.
    """

    positions: tuple[int, ...]
    axis: int | None
    int4: bool = False


_LSTM_WEIGHTS = (*range(1, 9), 16)
_BIDIRECTIONAL_WEIGHTS = (*range(1, 9), 16, *range(18, 26), 33, *range(40, 48))

HYBRID: Mapping[str, Stored] = {
    "CONV_2D": Stored((1,), 0, int4=True),
    "DEPTHWISE_CONV_2D": Stored((1,), 3),
    "FULLY_CONNECTED": Stored((1,), 0, int4=True),
    "TRANSPOSE_CONV": Stored((1,), 0),
    "BATCH_MATMUL": Stored((1,), COLUMNS),
    "EMBEDDING_LOOKUP": Stored((1,), 0, int4=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Stored(_LSTM_WEIGHTS, None),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Stored(_BIDIRECTIONAL_WEIGHTS, None),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Stored((1, 2), None),
    "BIDIRECTIONAL_SEQUENCE_RNN": Stored((1, 2, 5, 6), None),
    "RNN": Stored((1, 2), None),
    "SVDF": Stored((1, 2), None),
}
"""Float operators with kernels that take int8 weights: dynamic range quantization."""

RECURRENT = frozenset(code for code in HYBRID if code.endswith(("LSTM", "RNN", "SVDF")))
"""Those that keep their int8 weights where activations are int8 or int16 and LiteRT has no such kernel."""
