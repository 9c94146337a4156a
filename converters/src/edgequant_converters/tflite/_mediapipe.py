"""MediaPipe's transposed convolution as LiteRT's own, which has an int8 form, and which ONNX can say."""

from typing import Any

import numpy as np

from ._constants import add_integers
from ._file import ModelT
from ._schema import operator_code

_NAME = b"Convolution2DTransposeBias"
_SAME, _VALID = 1, 2  # one more than the schema's
_WITH_BIAS = 3
"""The version of TRANSPOSE_CONV that has one."""


def plain_transposed_convolutions(model: ModelT) -> None:
    """Rewrite each Convolution2DTransposeBias of the main graph whose output has the size that its padding makes.

    Its options are a padding and the strides in x and y, as 32-bit numbers (TfLiteTransposeConvParams).
    """
    graph = model.subgraphs[0]
    for operator in graph.operators or []:
        options = bytes(operator.customOptions if operator.customOptions is not None else b"")
        if model.operatorCodes[operator.opcodeIndex].customCode == _NAME and len(options) >= 12:
            padding, stride_x, stride_y = (int(number) for number in np.frombuffer(options[:12], np.int32))
            _rewrite(model, graph, operator, padding, (stride_y, stride_x))


def _rewrite(model: ModelT, graph: Any, operator: Any, padding: int, strides: tuple[int, int]) -> None:
    from ai_edge_litert.schema_py_generated import BuiltinOptions, TransposeConvOptionsT

    x, weights, bias = operator.inputs
    output = graph.tensors[operator.outputs[0]]
    taps = graph.tensors[weights].shape[1:3]
    sizes = [_size(*axis, padding) for axis in zip(graph.tensors[x].shape[1:3], taps, strides, strict=True)]
    is_free = any(-1 in (tensor.shapeSignature or []) for tensor in (graph.tensors[x], output))
    if is_free or min(strides) < 1 or padding not in (_SAME, _VALID) or list(output.shape[1:3]) != sizes:
        return
    shape = add_integers(model, graph, np.array(output.shape, np.int32), (output.name or b"output") + b"/shape")
    operator.opcodeIndex = operator_code(model, "TRANSPOSE_CONV")
    code = model.operatorCodes[operator.opcodeIndex]
    code.version = max(code.version, _WITH_BIAS)
    operator.inputs, operator.customOptions = [shape, weights, x, bias], None
    operator.builtinOptionsType = BuiltinOptions.TransposeConvOptions
    operator.builtinOptions = TransposeConvOptionsT(padding=padding - _SAME, strideH=strides[0], strideW=strides[1])


def _size(size: int, taps: int, stride: int, padding: int) -> int:
    return size * stride if padding == _SAME else (size - 1) * stride + taps
