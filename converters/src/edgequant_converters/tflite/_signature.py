"""The signature of a .tflite model: the names by which its inputs and outputs are called."""

from collections.abc import Sequence
from typing import Any

from edgequant_runtime import unique_names

from ._file import ModelT

_SIGNATURE_KEY = b"serving_default"


def io_names(model: ModelT, side: str) -> list[str] | None:
    """Return the names of the main graph's "inputs" or "outputs", in its order; None if no signature has them all.

    A tensor that is given out twice has a name for each time.
    """
    indices = [int(index) for index in getattr(model.subgraphs[0], side)]
    for signature in model.signatureDefs or []:
        named: dict[int, list[str]] = {}
        for entry in getattr(signature, side) or []:
            named.setdefault(int(entry.tensorIndex), []).append(entry.name.decode("utf-8", "replace"))
        if signature.subgraphIndex == 0 and all(any(named.get(index, ())) for index in indices):
            return unique_names(named[i].pop(0) if len(named[i]) > 1 else named[i][0] for i in indices)
    return None


def rename_io(model: ModelT, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Give the model's inputs and outputs these names, in the order of the graph's own inputs and outputs.

    Afterwards the model has exactly one signature, of its main graph. The tensors keep their names. Raises ValueError
    if the numbers differ or a name is used twice.
    """
    from ai_edge_litert.schema_py_generated import SignatureDefT

    graph = model.subgraphs[0]
    old = model.signatureDefs[0] if model.signatureDefs else None
    signature = SignatureDefT(
        signatureKey=(old.signatureKey if old else None) or _SIGNATURE_KEY,
        inputs=_tensor_maps(graph.inputs, input_names),
        outputs=_tensor_maps(graph.outputs, output_names),
    )
    model.signatureDefs = [signature]


def _tensor_maps(indices: Sequence[int], names: Sequence[str]) -> list[Any]:
    from ai_edge_litert.schema_py_generated import TensorMapT

    if len(indices) != len(names) or len(set(names)) != len(names):
        raise ValueError(f"{len(indices)} tensors need as many different names; given: {list(names)}")
    return [TensorMapT(name=name.encode(), tensorIndex=int(index)) for name, index in zip(names, indices, strict=True)]
