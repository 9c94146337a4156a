"""Watch the activations of a float .tflite model while it runs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._evaluate import open_inner
from edgequant_converters._request import Sample
from edgequant_converters.tflite import ModelT


class LitertActivations:
    """Runs a model and yields every float tensor that depends on its inputs, by name; of variables what they end with.

    LiteRT is told to keep all tensors, where it would otherwise reuse their memory.
    """

    def __init__(self, model: ModelT, data: bytes) -> None:
        self._model = open_inner(data, "the float model", threads=2)
        self._watched = _float_activations(model)

    def run(self, sample: Sample) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run one sample; yield (tensor name, its float32 value). Raises SourceError."""
        values = self._model.run(sample, [index for index, _ in self._watched])
        yield from zip((name for _, name in self._watched), values, strict=True)


def _float_activations(model: ModelT) -> list[tuple[int, str]]:
    """Return (index, name) of every float32 tensor of the main graph that is an input, a variable or an output."""
    from ai_edge_litert.schema_py_generated import TensorType

    graph = model.subgraphs[0]
    computed = {int(i) for i in graph.inputs} | {int(i) for op in graph.operators for i in op.outputs if i >= 0}
    # LiteRT never allocates what a WHILE gives and nobody reads.
    computed &= {int(i) for op in graph.operators for i in op.inputs} | {int(i) for i in graph.outputs}
    computed |= {i for i, tensor in enumerate(graph.tensors) if tensor.isVariable}
    return [
        (i, graph.tensors[i].name.decode()) for i in sorted(computed) if graph.tensors[i].type == TensorType.FLOAT32
    ]
