"""The graph of a LiteRT interpreter that is run: the first, or that of a signature.

LiteRT's own runner of signatures moves the tensors in each run, and does not tell the graph's order of inputs and
outputs, so its calls are made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edgequant_runtime._model_file import ModelFile

Details = list[dict[str, Any]]


class FirstGraph:
    """The graph that an interpreter runs by itself."""

    is_first = True

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        signatures = interpreter._get_full_signature_list()
        one = next(iter(signatures.values())) if len(signatures) == 1 else {"inputs": {}, "outputs": {}}
        self.input_names: Mapping[str, int] = one["inputs"]
        self.output_names: Mapping[str, int] = one["outputs"]

    def inputs(self) -> Details:
        """Describe the inputs, as LiteRT does."""
        return list(self._interpreter.get_input_details())

    def outputs(self) -> Details:
        """Describe the outputs."""
        return list(self._interpreter.get_output_details())

    def resize(self, index: int, shape: Sequence[int]) -> None:
        """Give an input another shape; allocate() comes next."""
        self._interpreter.resize_tensor_input(index, shape)

    def allocate(self) -> None:
        """Give every tensor its memory."""
        self._interpreter.allocate_tensors()

    def get(self, index: int) -> NDArray[Any]:
        """Return a copy of a tensor."""
        value: NDArray[Any] = self._interpreter.get_tensor(index)
        return value

    def set(self, index: int, value: NDArray[Any]) -> None:
        """Write an input."""
        self._interpreter.set_tensor(index, value)

    def invoke(self) -> None:
        """Run one inference."""
        self._interpreter.invoke()


class SignatureGraph:
    """The graph of a signature, which is not the first; LiteRT gives no views of its tensors."""

    is_first = False

    def __init__(self, interpreter: Any, file: ModelFile, name: str, graph: int) -> None:
        from edgequant_runtime._signatures import read_edges

        self._interpreter, self._inner, self._number = interpreter, interpreter._interpreter, graph
        self._edges = read_edges(file, graph)
        signature = interpreter._get_full_signature_list()[name]
        self.input_names: Mapping[str, int] = signature["inputs"]
        self.output_names: Mapping[str, int] = signature["outputs"]

    def inputs(self) -> Details:
        """Describe the inputs, as LiteRT does."""
        return [self._interpreter._get_tensor_details(index, self._number) for index in self._edges[0]]

    def outputs(self) -> Details:
        """Describe the outputs."""
        return [self._interpreter._get_tensor_details(index, self._number) for index in self._edges[1]]

    def resize(self, index: int, shape: Sequence[int]) -> None:
        """Give an input another shape; allocate() comes next."""
        import numpy as np

        self._inner.ResizeInputTensor(index, np.array(shape, np.int32), False, self._number)

    def allocate(self) -> None:
        """Give every tensor its memory."""
        self._inner.AllocateTensors(self._number)

    def get(self, index: int) -> NDArray[Any]:
        """Return a copy of a tensor."""
        value: NDArray[Any] = self._inner.GetTensor(index, self._number)
        return value

    def set(self, index: int, value: NDArray[Any]) -> None:
        """Write an input."""
        self._inner.SetTensor(index, value, self._number)

    def invoke(self) -> None:
        """Run one inference."""
        self._inner.Invoke(self._number)


def graph_of(interpreter: Any, file: ModelFile) -> FirstGraph | SignatureGraph:
    """Return the graph that `file` asks for."""
    graph = FirstGraph(interpreter)
    if file.signature is None:
        return graph
    from edgequant_runtime._signatures import read_signatures

    number = dict(read_signatures(file))[file.signature]
    if number > 0:
        return SignatureGraph(interpreter, file, file.signature, number)
    signature = interpreter._get_full_signature_list()[file.signature]
    graph.input_names, graph.output_names = signature["inputs"], signature["outputs"]
    return graph
