"""A prepared and trained module as a source of models."""

from collections.abc import Sequence

import torch

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._request import Learned, QuantizationRequest
from edgequant_converters._schemes import Scheme
from edgequant_converters.sources._self_check import seeded_inputs
from edgequant_converters.sources._torch import TorchSource

from ._prepared import PreparedModule, float_twin
from ._recognise import LearnedRanges, record

SEEDED_PROBES = 3
"""Random inputs beside the example ones; more make it less likely that two tensors look alike by chance."""


class PreparedSource(TorchSource):
    """The float twin of a prepared module, with its folded and rounded weights, and the ranges it has learned."""

    def __init__(self, prepared: PreparedModule, *, input_layout: str) -> None:
        self._ranges = prepared.ranges()
        self._twin = float_twin(prepared)
        self._weight_bits = prepared.weight_bits
        super().__init__(
            self._twin,
            prepared.example_inputs,
            description=f"{prepared.description} (quantization-aware training)",
            input_names=prepared.input_names,
            input_layout=input_layout,
        )

    def learned(self, request: QuantizationRequest) -> Learned:
        """Return the learned ranges; raises UnsupportedError for anything but int8 with a scale per channel."""
        if request.scheme not in (Scheme.INT8, Scheme.FP32):
            raise UnsupportedError(
                f"This network was trained for int8: it cannot be written as {request.scheme}; take int8, or fp32 for "
                "its float twin."
            )
        if not request.per_channel:
            raise UnsupportedError("This network was trained with one weight scale per channel: leave out per-tensor.")
        probes = self._probes()
        recorded = record(self._twin, probes)
        samples = [self._case(probe)[0] for probe in probes]
        return Learned(samples, lambda: LearnedRanges(recorded, self._ranges), self._weight_bits)

    def _probes(self) -> list[Sequence[torch.Tensor]]:
        like = dict(enumerate(value.numpy() for value in self.example_inputs))
        seeded = (seeded_inputs({str(i): value for i, value in like.items()}, seed) for seed in range(SEEDED_PROBES))
        return [self.example_inputs, *([torch.from_numpy(value) for value in probe.values()] for probe in seeded)]
