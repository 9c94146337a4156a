"""Bring any float .tflite file into the form that the quantizer and everything after it expect."""

import re
from collections.abc import Iterable, Sequence

from ._constants import fold_shape_arithmetic
from ._file import ModelT
from ._signature import rename_io


def normalise(model: ModelT) -> None:
    """Rewrite `model` in place; what it computes does not change.

    1. `builtin_code` is filled from `deprecated_builtin_code` (files of before 2020 have only the latter, and
       ai-edge-quantizer, which reads only the former, would quantize nothing).
    2. A free batch (the first axis of an input) becomes 1. Other free sizes stay free.
    3. Integer arithmetic on shapes (SHAPE, STRIDED_SLICE, PACK ...) that is constant once the batch is fixed is folded.
    4. Tensor names become unique over all subgraphs (calibration statistics are kept by tensor name).
    5. Exactly one signature remains, of the main graph, with readable and unique names; names that are there stay.
    """
    _fill_builtin_codes(model)
    _fix_batch(model)
    fold_shape_arithmetic(model)
    _make_tensor_names_unique(model)
    graph = model.subgraphs[0]
    inputs, outputs = _signature_names(model, "inputs"), _signature_names(model, "outputs")
    rename_io(model, _readable(inputs, graph.inputs, "input"), _readable(outputs, graph.outputs, "output"))


def _fill_builtin_codes(model: ModelT) -> None:
    # schema.fbs: the operator is the larger of the two; the old field ends at 127.
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def _fix_batch(model: ModelT) -> None:
    graph = model.subgraphs[0]
    inputs = [graph.tensors[index] for index in graph.inputs]
    for tensor in inputs:
        if tensor.shapeSignature is not None and len(tensor.shapeSignature) and tensor.shapeSignature[0] == -1:
            tensor.shapeSignature[0] = tensor.shape[0] = 1
    if any(-1 in (tensor.shapeSignature or []) for tensor in inputs):
        return
    for tensor in graph.tensors:
        tensor.shapeSignature = None  # nothing is free any more: the shapes written by the converter hold


def _make_tensor_names_unique(model: ModelT) -> None:
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    names = [(tensor.name or b"").decode("utf-8", "replace") or "tensor" for tensor in tensors]
    for tensor, name in zip(tensors, _unique(names), strict=True):
        tensor.name = name.encode()


def _signature_names(model: ModelT, side: str) -> list[str]:
    """Return the names of the main graph's inputs or outputs: the signature's, else the tensors' own."""
    graph = model.subgraphs[0]
    named = {}
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            named = {entry.tensorIndex: entry.name.decode("utf-8", "replace") for entry in getattr(signature, side)}
            break
    return [named.get(index) or graph.tensors[index].name.decode() for index in getattr(graph, side)]


def _readable(names: Sequence[str], indices: Sequence[int], fallback: str) -> list[str]:
    """Shorten converters' names: "serving_default_image:0" to "image", "model/dense/Softmax;..." to "Softmax"."""
    plain = []
    for name in names:
        last = re.sub(r"^serving_default_|:\d+$", "", name.split(";")[0].rsplit("/", 1)[-1])
        readable = re.sub(r"\W+", "_", last).strip("_")
        generated = re.fullmatch(r"(StatefulPartitionedCall|PartitionedCall|Identity)(_\d+)*", readable)
        plain.append(fallback if generated or not readable else readable)
    return _unique(plain)


def _unique(names: Iterable[str]) -> list[str]:
    """Append _1, _2 ... to a name that came before."""
    names = list(names)
    taken, given = set(names), set[str]()
    result = []
    for name in names:
        candidate, number = name, 0
        while candidate in given or (number and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        given.add(candidate)
        result.append(candidate)
    return result
