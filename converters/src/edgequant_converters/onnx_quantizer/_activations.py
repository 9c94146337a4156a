"""Watch the activations of a float ONNX model while it runs."""

import copy
from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from edgequant_converters._evaluate import open_inner
from edgequant_converters._request import Sample


class OnnxActivations:
    """Runs a model and yields every float tensor that depends on its inputs, by name.

    The tensors become extra outputs of a copy of the model; graph optimizations are off, because a fused operator has
    no intermediate tensors to show. `model` must have inferred shapes.
    """

    def __init__(self, model: ModelProto) -> None:
        watched = copy.deepcopy(model)
        self.names = float_activations(watched)
        existing = [output.name for output in watched.graph.output]
        self.outputs = existing if set(existing) <= set(self.names) else None
        watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in self.names if name not in existing)
        places = {output.name: place for place, output in enumerate(watched.graph.output)}
        self._places = [places[name] for name in self.names]
        self._model = open_inner(watched.SerializeToString(), "the float model")
        self._inputs = [i.name for i in watched.graph.input if i.type.tensor_type.elem_type == TensorProto.FLOAT]

    def run(self, sample: Sample) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run one sample; yield (tensor name, float32 value), the model's float inputs first; raises SourceError."""
        for name in self._inputs:
            yield name, sample[name]
        yield from zip(self.names, self._model.run(sample, self._places), strict=True)


def float_activations(model: ModelProto) -> list[str]:
    """Return the names of all float32 tensors that nodes compute."""
    types = {value.name: value.type.tensor_type.elem_type for value in (*model.graph.value_info, *model.graph.output)}
    produced = [name for node in model.graph.node for name in node.output if name]
    return [name for name in produced if types.get(name) == TensorProto.FLOAT]
