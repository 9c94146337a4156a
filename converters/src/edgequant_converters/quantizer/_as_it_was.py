"""What of a source that was quantized already LiteRT's integers would change."""

from edgequant_converters._request import Ranges
from edgequant_converters.ir import Graph, Operator

from ._grids import LIMITS
from ._specification import OPERATORS, RECURRENT

_EXACT, _NEARLY = 0.01, 1.5
"""How many steps the ends of two grids may be apart: of values that are computed with, and of a model's outputs."""


def differs_from_source(operator: Operator, graph: Graph, kind: str, ranges: Ranges) -> bool:
    """Tell whether an operator in integers would not compute as in the source.

    Softmax, sigmoid and tanh have one grid in LiteRT, where a source may have another (ONNX Runtime's softmax has steps
    of 1/255 and not 1/256): what computes with them further rounds otherwise. And a recurrent layer whose weights lie
    on no grid was float.
    """
    if operator.code in RECURRENT:
        return not any(tensor.is_constant and tensor.quantization is not None for tensor in operator.given)
    rule = OPERATORS.get(operator.code)
    if rule is None or rule.fixed is None or kind not in rule.fixed or operator.output.name not in ranges:
        return False
    scale, zero = rule.fixed[kind]
    low, high = ((limit - zero) * scale for limit in LIMITS[kind])
    own_low, own_high = ranges[operator.output.name]
    far = max(abs(own_low - low), abs(own_high - high)) / scale
    return far > (_NEARLY if operator.output in graph.outputs else _EXACT)
