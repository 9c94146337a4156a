"""Bring any float .tflite file into the form that the quantizer and everything after it expect."""

from edgequant_runtime import unique_names

from edgequant_converters._names import readable_names

from ._constants import fold_shape_arithmetic, tell_shapes
from ._file import ModelT
from ._mediapipe import plain_transposed_convolutions
from ._signature import io_names, rename_io
from ._splits import slice_partly_read_splits


def normalise(model: ModelT, *, sizes_given: bool = False) -> None:
    """Rewrite `model` in place; what it computes does not change. `sizes_given`: its inputs have been given sizes.

    1. `builtin_code` is filled from `deprecated_builtin_code` (files of before 2020 have only the latter, and
       tools that read only the former take the operator for another).
    2. A free batch (the first axis of an input) becomes 1. Other free sizes stay free.
    3. Integer arithmetic on shapes (SHAPE, STRIDED_SLICE, PACK ...) that is constant once the batch is fixed is folded,
       and tensors tell the shapes that follow from given sizes.
    4. SPLIT and UNPACK with outputs that nobody reads become slices (what nobody reads needs no range).
    5. MediaPipe's transposed convolution becomes LiteRT's.
    6. Tensor names become unique over all subgraphs (calibration statistics are kept by tensor name).
    7. Exactly one signature remains, of the main graph, with readable and unique names; names that are there stay.
    """
    _fill_builtin_codes(model)
    _fix_batch(model, sizes_given)
    fold_shape_arithmetic(model)
    if sizes_given:
        tell_shapes(model)
    slice_partly_read_splits(model)
    plain_transposed_convolutions(model)
    _make_tensor_names_unique(model)
    rename_io(model, _io_names(model, "inputs"), _io_names(model, "outputs"))


def _fill_builtin_codes(model: ModelT) -> None:
    # schema.fbs: the operator is the larger of the two; the old field ends at 127.
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)


def _fix_batch(model: ModelT, sizes_given: bool) -> None:
    graph = model.subgraphs[0]
    inputs = [graph.tensors[index] for index in graph.inputs]
    for tensor in inputs:
        if tensor.shapeSignature is not None and len(tensor.shapeSignature) and tensor.shapeSignature[0] == -1:
            tensor.shapeSignature[0] = tensor.shape[0] = 1
    if sizes_given or any(-1 in (tensor.shapeSignature or []) for tensor in inputs):
        return
    for tensor in graph.tensors:
        tensor.shapeSignature = None  # nothing is free any more: the shapes written by the converter hold


def _make_tensor_names_unique(model: ModelT) -> None:
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    names = [(tensor.name or b"").decode("utf-8", "replace") or "tensor" for tensor in tensors]
    for tensor, name in zip(tensors, unique_names(names), strict=True):
        tensor.name = name.encode()


def _io_names(model: ModelT, side: str) -> list[str]:
    """Return names for the main graph's inputs or outputs: the signature's, else readable ones from the tensors'."""
    graph = model.subgraphs[0]
    tensors = [graph.tensors[index].name.decode() for index in getattr(graph, side)]
    return io_names(model, side) or readable_names(tensors, side.removesuffix("s"))
