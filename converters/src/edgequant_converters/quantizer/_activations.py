"""Watch the activations of a float .tflite model while it runs."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from edgequant_runtime import SessionError
from edgequant_runtime.isolation import IsolatedSession, current_process
from numpy.typing import NDArray

from edgequant_converters._evaluate import open_inner, run_of
from edgequant_converters._request import Sample
from edgequant_converters._stream import keeps_a_stream
from edgequant_converters.tflite import ModelT, io_names, model_bytes, read_model

_THREADS = 2


class LitertActivations:
    """Runs a model and yields every float tensor that depends on its inputs, by name; of variables what they end with.

    The native engine runs a copy whose outputs are all of these: it gives the same bits on every computer, and so a
    quantized model has the same bytes wherever it is made. What it does not open, and models with variables, LiteRT
    runs, told to keep all tensors; where nothing is to be seen, none does. The samples of a network with state are one
    stream, as for an Evaluator.
    """

    def __init__(self, model: ModelT, data: bytes, only: Collection[str] | None = None) -> None:
        self._watched = [one for one in _float_activations(model) if only is None or one[1] in only]
        given = list(model.subgraphs[0].inputs)
        names = io_names(model, "inputs") or [model.subgraphs[0].tensors[i].name.decode() for i in given]
        self._inputs = {int(i): name for i, name in zip(given, names, strict=True)}
        self._computed = [index for index, _ in self._watched if index not in self._inputs]
        shown, results = dict(self._watched), [int(index) for index in model.subgraphs[0].outputs]
        self.outputs = [shown[index] for index in results] if set(results) <= set(self._computed) else None
        self._native = None if _has_variables(model) else _open_natively(data, self._computed)
        self._anew = not keeps_a_stream(data)
        by_litert = self._native is None and bool(self._computed)
        self._litert = open_inner(data, "the float model", threads=_THREADS) if by_litert else None

    def run(self, sample: Sample) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run one sample; yield (tensor name, its float32 value). Raises SourceError."""
        if self._litert is not None:
            values = self._litert.run(sample, [index for index, _ in self._watched])
            yield from zip((name for _, name in self._watched), values, strict=True)
            return
        computed: dict[int, NDArray[np.float32]] = {}
        if self._native is not None:
            with run_of("the float model"):
                made = self._native.run({info.name: sample[info.name] for info in self._native.inputs}, anew=self._anew)
            computed = dict(zip(self._computed, made.values(), strict=True))
        for index, name in self._watched:
            yield name, computed[index] if index in computed else np.asarray(sample[self._inputs[index]])


def _open_natively(data: bytes, watched: Sequence[int]) -> IsolatedSession | None:
    """Open a copy of the model whose outputs are the watched tensors; None if the native engine refuses it."""
    from ai_edge_litert.schema_py_generated import TensorMapT

    if not watched:
        return None
    copy = read_model(data)
    copy.subgraphs[0].outputs = list(watched)
    for signature in copy.signatureDefs or []:
        signature.outputs = [TensorMapT(name=b"%d" % index, tensorIndex=index) for index in watched]
    try:
        return current_process().open(model_bytes(copy), engine="native", threads=_THREADS, name="the float model")
    except SessionError:
        return None


def _has_variables(model: ModelT) -> bool:
    return any(tensor.isVariable for graph in model.subgraphs for tensor in graph.tensors)


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
