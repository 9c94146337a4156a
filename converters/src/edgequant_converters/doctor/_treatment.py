"""One way to quantize a hub, and the workshop that tries it out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from edgequant_converters._request import Sample
from edgequant_converters.quantizer import Floats, LitertActivations, quantize_with_ranges

from ._edits import Edit
from ._network import WEIGHTED, Network
from ._samples import Evidence
from ._statistics import TensorStatistics, observe

Ranges = Mapping[str, tuple[float, float]]

Tick = Callable[[int, int], None]
"""Called with how much of a step is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """Everything that a recipe holds: edits of the float graph, ranges of activations, what is not int8.

    `edits` change what is computed where, so the ranges are measured after them; `corrections` (rounded weights,
    shifted biases) make up for errors of int8 and leave the ranges alone.
    """

    edits: tuple[Edit, ...]
    ranges: Ranges
    corrections: tuple[Edit, ...] = ()
    precision: Mapping[str, str] | None = None

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """Return edits and corrections in the order in which they are applied."""
        return self.edits + self.corrections

    def with_ranges(self, changed: Ranges) -> "Treatment":
        """Return this treatment with some ranges replaced."""
        return replace(self, ranges={**self.ranges, **changed})


class Workshop(Protocol):
    """Tries treatments on one hub; there is one for each file format."""

    suffix: str
    samples: Sequence[Sample]

    def plain(self, edits: tuple[Edit, ...] = ()) -> Treatment:
        """Return the treatment that a plain conversion is: the ranges are the smallest and largest values seen."""
        ...

    def statistics(self, edits: tuple[Edit, ...]) -> Mapping[str, TensorStatistics]:
        """Return what the calibration samples do to the graph with these edits."""
        ...

    def build(self, treatment: Treatment) -> bytes:
        """Return the quantized model."""
        ...

    def layers(self, edits: tuple[Edit, ...]) -> Sequence[tuple[str, ...]]:
        """Return the names of the operators of each layer: one with weights and the activation functions after it.

        Additions of two branches count as layers.
        """
        ...


class LitertWorkshop:
    """The workshop for .tflite."""

    suffix = ".tflite"

    def __init__(self, hub: Path, evidence: Evidence, io: str, per_channel: bool, floats: Floats) -> None:
        self._hub, self._io, self._per_channel, self._floats = hub.read_bytes(), io, per_channel, floats
        self.samples: Sequence[Sample] = evidence.calibration
        self.fit: Sequence[Sample] = evidence.fit
        self._seen: dict[tuple[Edit, ...], Mapping[str, TensorStatistics]] = {}

    def network(self, edits: Sequence[Edit]) -> Network:
        """Return the float graph with these edits."""
        return edited(self._hub, edits)

    def plain(self, edits: tuple[Edit, ...] = ()) -> Treatment:
        """Return the treatment that a plain conversion is."""
        return Treatment(edits, {name: seen.range for name, seen in self.statistics(edits).items()})

    def statistics(self, edits: tuple[Edit, ...]) -> Mapping[str, TensorStatistics]:
        """Return what the calibration samples do to the graph with these edits."""
        if edits not in self._seen:
            network = self.network(edits)
            self._seen[edits] = observe(LitertActivations(network.model, network.to_bytes()), self.samples)
        return self._seen[edits]

    def build(self, treatment: Treatment) -> bytes:
        """Return the quantized model."""
        network = self.network(treatment.all_edits)
        return quantize_with_ranges(
            network.model, self._io, self._per_channel, treatment.ranges, treatment.precision or {}, self._floats
        )

    def layers(self, edits: tuple[Edit, ...]) -> Sequence[tuple[str, ...]]:
        """Return the names of the operators of each layer."""
        network = self.network(edits)
        operators = network.graph.operators
        own = [int(op.outputs[0]) for op in operators if network.type_of(op) in (*WEIGHTED, "ADD")]
        return [_with_followers(network, output) for output in own]


def edited(hub: bytes, edits: Sequence[Edit]) -> Network:
    """Return the graph of a hub file with edits applied; raises KeyError for an edit of a layer that is not there."""
    network = Network(hub)
    for edit in edits:
        edit.apply(network)
    return network


FOLLOWERS = ("RELU", "RELU6", "HARD_SWISH", "LOGISTIC", "TANH", "SOFTMAX", "RESHAPE", "GELU", "LEAKY_RELU")
"""Operators that count as part of the layer whose output they alone read."""


def _with_followers(network: Network, output: int) -> tuple[str, ...]:
    names = [network.tensor_name(output)]
    readers = network.consumers(output)
    while len(readers) == 1 and network.type_of(readers[0]) in FOLLOWERS:
        output = int(readers[0].outputs[0])
        names.append(network.tensor_name(output))
        readers = network.consumers(output)
    return tuple(names)
