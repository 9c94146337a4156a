"""Replace SPLIT and UNPACK operators of which some outputs are read by nobody."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._constants import add_integers
from ._file import ModelT
from ._schema import operator_code, operator_name


def slice_partly_read_splits(model: ModelT) -> None:
    """Take the outputs that are read by STRIDED_SLICE instead, in the main graph.

    Unrolled recurrent layers have such operators: the first step multiplies a gate by a state of zeros, which is folded
    away. An operator that writes less is smaller, and nothing has to be known of the range of what nobody reads.
    """
    graph = model.subgraphs[0]
    read = {int(index) for operator in graph.operators or [] for index in operator.inputs} | set(graph.outputs)
    operators: list[Any] = []
    for operator in graph.operators or []:
        partly_read = 0 < len(read.intersection(operator.outputs)) < len(operator.outputs)
        if partly_read and operator_name(model, operator) in ("SPLIT", "UNPACK"):
            operators += _slices(model, graph, operator, read)
        else:
            operators.append(operator)
    graph.operators = operators


def _slices(model: ModelT, graph: Any, operator: Any, read: set[int]) -> Iterator[Any]:
    unpacks = operator_name(model, operator) == "UNPACK"
    value = operator.inputs[0 if unpacks else 1]
    shape = np.array(graph.tensors[value].shape, np.int32)
    axis = (operator.builtinOptions.axis if unpacks else _constant(model, graph.tensors[operator.inputs[0]])) % len(
        shape
    )
    step = shape[axis] // len(operator.outputs)
    for number, output in enumerate(operator.outputs):
        if output in read:
            begin, end = np.zeros_like(shape), shape.copy()
            begin[axis], end[axis] = number * step, (number + 1) * step
            yield _slice(model, graph, [value, begin, end, np.ones_like(shape)], output, 1 << axis if unpacks else 0)


def _constant(model: ModelT, tensor: Any) -> int:
    return int(np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int32)[0])


def _slice(model: ModelT, graph: Any, inputs: list[Any], output: int, shrunk_axes: int) -> Any:
    from ai_edge_litert.schema_py_generated import BuiltinOptions, OperatorT, StridedSliceOptionsT

    value, *bounds = inputs
    names = (b"%s/%s" % (graph.tensors[output].name, part) for part in (b"begin", b"end", b"strides"))
    constants = [add_integers(model, graph, bound, name) for bound, name in zip(bounds, names, strict=True)]
    return OperatorT(
        opcodeIndex=operator_code(model, "STRIDED_SLICE"),
        inputs=[value, *constants],
        outputs=[output],
        builtinOptionsType=BuiltinOptions.StridedSliceOptions,
        builtinOptions=StridedSliceOptionsT(shrinkAxisMask=shrunk_axes),
    )
