"""Which ops of a graph that is meant to be integer compute in float."""

from collections.abc import Mapping, Sequence

from ._model import ModelGraph, Op

CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})

# onnxruntime fuses these into the op before them, so what lies between the two is never stored.
FUSED_ACTIVATIONS = frozenset({"Relu", "Clip"})


def float_ops(graph: ModelGraph) -> list[Op]:
    """Return the ops with a float activation as input or output, in the order of execution.

    Ops that only change between float and integer are not counted, nor what is computed from constants alone. In an
    ONNX model an op counts as integer if all its float inputs come from DequantizeLinear and all its float outputs
    go to QuantizeLinear (a Relu or Clip in between is part of the op): engines run such a group in integers. A layer's
    weights must come from DequantizeLinear too.
    """
    constant = computed_constants(graph)
    if graph.format == "litert":
        return [op for op in graph.ops if op.type not in CONVERSIONS and _touches_float(graph, op, constant)]
    flow = _Flow(graph, constant)
    return [op for op in graph.ops if op.type not in CONVERSIONS and flow.computes_in_float(op)]


def computed_constants(graph: ModelGraph) -> set[int]:
    """Return the constants, and what ops make of constants alone."""
    known = {i for i, tensor in enumerate(graph.tensors) if tensor.is_constant}
    for op in graph.ops:
        if op.inputs and all(i in known for i in op.inputs):
            known.update(op.outputs)
    return known


def _touches_float(graph: ModelGraph, op: Op, constant: set[int]) -> bool:
    return any(graph.tensors[i].is_float and i not in constant for i in (*op.inputs, *op.outputs))


class _Flow:
    """Who writes and who reads each tensor of a QDQ graph."""

    def __init__(self, graph: ModelGraph, constant: set[int]) -> None:
        self._graph, self._constant = graph, constant
        self._writer: Mapping[int, Op] = {i: op for op in graph.ops for i in op.outputs}
        self._readers: dict[int, list[Op]] = {}
        for op in graph.ops:
            for i in op.inputs:
                self._readers.setdefault(i, []).append(op)

    def computes_in_float(self, op: Op) -> bool:
        if op.macs and any(map(self._is_float_weight, op.inputs)):
            return True
        return not (all(map(self._comes_from_integer, self._floats(op.inputs))) and
                    all(map(self._goes_to_integer, self._floats(op.outputs))))  # fmt: skip

    def _is_float_weight(self, tensor: int) -> bool:
        writer = self._writer.get(tensor)
        is_integer = writer is not None and writer.type == "DequantizeLinear"
        return self._graph.tensors[tensor].is_float and tensor in self._constant and not is_integer

    def _floats(self, tensors: Sequence[int]) -> list[int]:
        return [i for i in tensors if self._graph.tensors[i].is_float and i not in self._constant]

    def _comes_from_integer(self, tensor: int) -> bool:
        writer = self._writer.get(tensor)
        if writer is None:
            return False
        reader_is_fused = all(op.type in FUSED_ACTIVATIONS for op in self._readers[tensor])
        return writer.type == "DequantizeLinear" or (reader_is_fused and not self.computes_in_float(writer))

    def _goes_to_integer(self, tensor: int) -> bool:
        readers = self._readers.get(tensor, [])
        if not readers or tensor in self._graph.outputs:
            return False
        if all(op.type == "QuantizeLinear" for op in readers):
            return True
        fused = len(readers) == 1 and readers[0].type in FUSED_ACTIVATIONS
        return fused and all(map(self._goes_to_integer, self._floats(readers[0].outputs)))
