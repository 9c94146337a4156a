"""Write a copy of a model with other inputs and outputs: more outputs to watch it, or cuts to run its parts alone."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._evaluate import Evaluator, open_model
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters.graph import ModelGraph

Cut = tuple[int, int]
"""A new graph input: the tensor that it stands in for, and the tensor of the quantized model that rounds its values."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`outputs`: tensors to return. `edges`: (operator, tensor) -> the new input to read instead of the tensor."""

    outputs: tuple[int, ...]
    edges: Mapping[tuple[int, int], Cut] = field(default_factory=dict)

    @property
    def cuts(self) -> list[Cut]:
        """The new inputs, each once."""
        return list(dict.fromkeys(self.edges.values()))


class EditedModel:
    """A model with an edit applied; tensors are known by their positions in the graph.

    It is opened by the first run, with the shapes of what it is given: it may have no others that suit it.
    """

    def __init__(self, path: Path, graph: ModelGraph, edit: Edit, folder: Path) -> None:
        computed = [tensor for tensor in edit.outputs if tensor not in graph.inputs]
        # An input that is an output as well needs no engine, and not every engine allows it.
        self._given = {tensor: graph.inputs.index(tensor) for tensor in edit.outputs if tensor in graph.inputs}
        self._computed = tuple(computed)
        self.cuts = edit.cuts
        self._engine: Evaluator | None = None
        if computed:
            self._path = folder / path.name
            write = _write_litert if graph.format == "litert" else _write_onnx
            self._names = write(path, graph, Edit(self._computed, edit.edges), self._path)

    def run(self, inputs: Sequence[NDArray[Any]], cuts: Mapping[Cut, NDArray[Any]]) -> dict[int, NDArray[Any]]:
        """Return the outputs by tensor; `inputs` are the graph's own, in its order and types. Raises SourceError."""
        values = {tensor: inputs[position] for tensor, position in self._given.items()}
        if not self._computed:
            return values
        feeds = dict(zip(self._names, [*inputs, *(cuts[cut] for cut in self.cuts)], strict=True))
        if self._engine is None:
            self._engine = open_model(self._path, {name: value.shape for name, value in feeds.items()})
        return values | dict(zip(self._computed, self._engine.run(feeds), strict=True))


def _write_litert(path: Path, graph: ModelGraph, edit: Edit, output: Path) -> list[str]:
    """Write the copy and return the names of its inputs; so does _write_onnx."""
    from edgequant_converters.tflite import read_model, write_model

    model = read_model(path)
    main = model.subgraphs[0]
    for number, index in enumerate(main.inputs):
        main.tensors[index].name = f"input_{number}".encode()
    added = {cut: len(main.tensors) + number for number, cut in enumerate(edit.cuts)}
    for cut, index in added.items():
        stand_in = copy.copy(main.tensors[cut[0]])
        stand_in.name = f"cut_{index}".encode()
        main.tensors.append(stand_in)
    for (number, tensor), cut in edit.edges.items():
        operator = main.operators[number]
        operator.inputs = [added[cut] if index == tensor else index for index in operator.inputs]
    main.inputs = [*main.inputs, *added.values()]
    main.outputs = list(edit.outputs)
    model.signatureDefs = []  # they name the old inputs and outputs
    write_model(model, output)
    return [main.tensors[index].name.decode() for index in main.inputs]


def _write_onnx(path: Path, graph: ModelGraph, edit: Edit, output: Path) -> list[str]:
    import onnx

    model = onnx.load(path)
    main = model.graph
    # The graph view counts no Constant nodes.
    nodes = [node for node in main.node if node.op_type != "Constant" or node.input]
    added = {cut: f"edgequant_cut_{number}" for number, cut in enumerate(edit.cuts)}
    for cut, name in added.items():
        code = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(graph.tensors[cut[0]].dtype))
        # The sizes are free, but not their number: a session takes an input without a shape for a single value.
        shape = graph.tensors[cut[0]].shape
        axes = None if shape is None else [f"{name}_{axis}" for axis in range(len(shape))]
        main.input.append(onnx.helper.make_tensor_value_info(name, code, axes))
    for (number, tensor), cut in edit.edges.items():
        for position, name in enumerate(nodes[number].input):
            if name == graph.tensors[tensor].name:
                nodes[number].input[position] = added[cut]
    del main.output[:]
    main.output.extend(onnx.ValueInfoProto(name=graph.tensors[tensor].name) for tensor in edit.outputs)
    save_onnx(model, output)
    return [*(graph.tensors[index].name for index in graph.inputs), *added.values()]
