"""Two models of one network, layer by layer, on the same samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters.graph import read_graph

from ._edit import Cut, Edit, EditedModel
from ._flow import Flow, Grid
from ._match import match_groups
from ._segments import segment_of
from ._weights import Weights, paired_weights, side_by_side, weight_reader

Values = NDArray[np.float32]

BIASED = 3  # inputs of an operator with a bias: activation, weights, bias
SCALE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Layer:
    """An activation that both models have, and the operators of the quantized model that compute it from others.

    `name` is the tensor's in the reference. `ops` are the operators' types in the model, conversions left out; an input
    has none. `inputs` are positions of the layers that it reads. `grid` and `dtype` (int8, uint8, int16) are None for
    an activation kept in float.
    """

    name: str
    ops: tuple[str, ...]
    inputs: tuple[int, ...]
    grid: Grid | None
    dtype: str | None


@dataclass(frozen=True, slots=True)
class LayerValues:
    """What one layer computed on one sample, all as real numbers of one shape.

    `reference` and `accumulated`: the two models, each run whole. `alone`: the quantized layer fed with the reference's
    activations, rounded to what its input tensors can hold; `exact`: the reference's layer fed with the same.
    """

    reference: Values
    accumulated: Values
    exact: Values
    alone: Values


@dataclass(frozen=True, slots=True)
class ScaleMismatch:
    """Layer `source` writes with scale `actual`, but what reads it was built for `expected`."""

    source: int
    actual: float
    expected: float


class LayerPair:
    """A reference and a quantized model whose activations are matched; `layers` are in order of execution.

    `inputs` and `outputs` pair positions of the reference's with positions of the model's. `folder` holds edited copies
    of both models for as long as this object is used. Raises SourceError for a file that cannot be read or run, and
    UnsupportedError if the models have different file formats or nothing but inputs in common.
    """

    def __init__(
        self,
        reference: Path,
        model: Path,
        folder: Path,
        inputs: Sequence[tuple[int, int]],
        outputs: Sequence[tuple[int, int]],
    ) -> None:
        self._reference, self._model = Flow(read_graph(reference)), Flow(read_graph(model))
        ours, theirs = self._reference.graph, self._model.graph
        if ours.format != theirs.format:
            raise UnsupportedError(
                f"{reference.name} and {model.name} have different file formats, so their layers cannot be matched: "
                "convert the network to float32 in the quantized model's format and compare with that."
            )
        edges = [(ours.inputs[i], theirs.inputs[j]) for i, j in inputs]
        edges += [(ours.outputs[i], theirs.outputs[j]) for i, j in outputs]
        self._inputs = tuple(inputs)
        self._match(edges)
        self.layers = tuple(self._describe(number) for number in range(len(self._pairs)))
        if not any(layer.ops for layer in self.layers):
            raise UnsupportedError(
                f"No layer of real numbers in {model.name} has a counterpart in {reference.name}: "
                "give two models of the same network."
            )
        self._open(reference, model, folder)
        self._readers = weight_reader(reference, self._reference), weight_reader(model, self._model)
        self._centred = {root for number, (_, root) in enumerate(self._pairs) if self._is_centred(number)}

    @property
    def channels_last(self) -> bool:
        """Whether images have their channels on the last axis (LiteRT) or on the second (ONNX)."""
        return self._reference.graph.format == "litert"

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Names of the reference's real-valued activations without a counterpart: parts of a fused or larger layer."""
        flow, matched = self._reference, {ours for ours, _ in self._pairs}
        missing = (root for root in flow.members if flow.is_real(root) and root not in matched)
        return tuple(flow.graph.tensors[root].name for root in missing)

    def built_for(self, number: int) -> ScaleMismatch | None:
        """Return the input scale that a LiteRT layer's biases were made for, if its input has another one.

        Biases are integers in units of input scale times weight scale; the kernels trust that their own scale says so.
        """
        model = self._model
        for op in (model.graph.ops[n] for n in self._theirs[number].ops if self.channels_last):
            scales = [model.graph.tensors[tensor].scales for tensor in op.inputs[:BIASED]]
            if len(scales) < BIASED or not all(scales) or op.inputs[0] not in model.group:
                continue
            expected, source = scales[2][0] / scales[1][0], self._layer_of.get(model.group[op.inputs[0]])
            if source is not None and abs(expected / scales[0][0] - 1) > SCALE_TOLERANCE:
                return ScaleMismatch(source, scales[0][0], expected)
        return None

    def weights(self, number: int) -> Weights | None:
        """Return the weights of a layer's operator; None if it has none or they cannot be laid side by side.

        Those of the reference are as the model was made of them: without their mean row where its logits are centred.
        """
        found = self._weights(number)
        return found.centred() if found is not None and self._pairs[number][1] in self._centred else found

    def _weights(self, number: int) -> Weights | None:
        found = paired_weights(self._reference, self._ours[number].ops, self._model, self._theirs[number].ops)
        if found is None:
            return None
        reference, model, axis = found
        ours, theirs = self._readers[0](reference), self._readers[1](model)
        return None if ours is None or theirs is None else side_by_side(ours, theirs, axis)

    def _is_centred(self, number: int) -> bool:
        """Tell whether the model's layer makes, for a softmax alone, logits less what they have in common."""
        readers = self._reference.readers(self._pairs[number][0])
        if {self._reference.graph.ops[reader].type.upper() for reader in readers} != {"SOFTMAX"}:
            return False
        found = self._weights(number)
        return found is not None and found.is_centred()

    def run(self, inputs: Sequence[NDArray[Any]]) -> Iterator[LayerValues]:
        """Run both models on real values, one array for each of the reference's inputs; yield each layer's values."""
        try:
            yield from self._run(inputs)
        except (RuntimeError, ValueError) as error:  # what both engines raise when an inference fails
            reason = str(error).splitlines()[0].rstrip(".")
            raise SourceError(f"The layers cannot be run on this data: {reason}.") from error

    def _match(self, edges: Sequence[tuple[int, int]]) -> None:
        found = match_groups(self._reference, self._model, edges)
        order = {root: number for number, root in enumerate(self._model.members)}
        real = [(ours, theirs) for ours, theirs in found.items() if self._reference.is_real(ours)]
        self._pairs = sorted(real, key=lambda pair: order[pair[1]])
        self._layer_of = {theirs: number for number, (_, theirs) in enumerate(self._pairs)}
        self._counterpart = dict(self._pairs)
        self._theirs = [segment_of(self._model, theirs, self._layer_of) for _, theirs in self._pairs]
        self._ours = [segment_of(self._reference, ours, self._counterpart) for ours, _ in self._pairs]

    def _describe(self, number: int) -> Layer:
        ours, theirs = self._pairs[number]
        segment, model = self._theirs[number], self._model
        last = model.last(theirs)
        read = {self._layer_of[model.group[tensor]] for _, tensor in segment.reads}
        ops = [n for n in segment.ops if model.activations(n) and not model.is_conversion(n)]
        return Layer(
            name=self._reference.graph.tensors[ours].name,
            ops=tuple(model.graph.ops[n].type for n in ops),
            inputs=tuple(sorted(read)),
            grid=(grid := model.grid(last)),
            dtype=None if grid is None else model.graph.tensors[last].dtype,
        )

    def _open(self, reference: Path, model: Path, folder: Path) -> None:
        ours = tuple(self._reference.last(root) for root, _ in self._pairs)
        theirs = tuple(self._model.last(root) for _, root in self._pairs)
        cut_model = {edge: (edge[1], edge[1]) for segment in self._theirs for edge in segment.reads}

        def opened(name: str, path: Path, flow: Flow, edit: Edit) -> EditedModel:
            (folder / name).mkdir()
            return EditedModel(path, flow.graph, edit, folder / name)

        self._whole = opened("reference", reference, self._reference, Edit(ours))
        self._whole_model = opened("model", model, self._model, Edit(theirs))
        self._cut = opened("cut-reference", reference, self._reference, Edit(ours, self._reference_edges()))
        self._cut_model = opened("cut-model", model, self._model, Edit(theirs, cut_model))

    def _reference_edges(self) -> dict[tuple[int, int], Cut]:
        """Cut the reference where the model is cut; each cut remembers the model's tensor whose rounding it takes."""
        edges: dict[tuple[int, int], Cut] = {}
        for ours, theirs in zip(self._ours, self._theirs, strict=True):
            read_as = {self._model.group[tensor]: tensor for _, tensor in theirs.reads}
            for number, tensor in ours.reads:
                root = self._counterpart[self._reference.group[tensor]]
                edges.setdefault((number, tensor), (tensor, read_as.get(root, self._model.last(root))))
        return edges

    def _run(self, inputs: Sequence[NDArray[Any]]) -> Iterator[LayerValues]:
        ours, theirs = self._feeds(inputs)
        reference = self._whole.run(ours, {})
        accumulated = self._whole_model.run(theirs, {})
        real = {counterpart: self._as_modelled(root, counterpart, reference) for root, counterpart in self._pairs}
        rounded = {
            cut: self._model.to_own_type(cut[0], real[self._model.group[cut[0]]]) for cut in self._cut_model.cuts
        }
        alone = self._cut_model.run(theirs, rounded)
        exact = self._cut.run(ours, {cut: self._rounded(cut, real) for cut in self._cut.cuts})
        for root, counterpart in self._pairs:
            model_last = self._model.last(counterpart)
            yield LayerValues(
                reference=real[counterpart],
                accumulated=self._model.to_real(model_last, accumulated[model_last]),
                exact=self._as_modelled(root, counterpart, exact),
                alone=self._model.to_real(model_last, alone[model_last]),
            )

    def _as_modelled(self, root: int, counterpart: int, found: Mapping[int, NDArray[Any]]) -> Values:
        """Return what the reference computed of a group, as the model would: logits are centred where its own are."""
        last = self._reference.last(root)
        value = self._reference.to_real(last, found[last])
        return value - value.mean(-1, keepdims=True) if counterpart in self._centred else value

    def _feeds(self, inputs: Sequence[NDArray[Any]]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        ours, theirs = self._reference, self._model
        counterpart = {j: inputs[i] for i, j in self._inputs}
        return (
            [ours.to_own_type(tensor, value) for tensor, value in zip(ours.graph.inputs, inputs, strict=True)],
            [theirs.to_own_type(tensor, counterpart[j]) for j, tensor in enumerate(theirs.graph.inputs)],
        )

    def _rounded(self, cut: Cut, real: Mapping[int, Values]) -> NDArray[Any]:
        """Return the value for a cut of the reference, rounded as the model's tensor at the same place rounds it."""
        tensor, source = cut
        value = self._model.to_own_type(source, real[self._model.group[source]])
        return self._reference.to_own_type(tensor, self._model.to_real(source, value))
