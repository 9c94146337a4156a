"""The workshop for .onnx: other ranges, and nodes kept in float; what onnxruntime's quantizer allows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgequant_converters._request import Sample
from edgequant_converters.onnx_quantizer import OnnxActivations, prepare, quantize_onnx_with_ranges
from edgequant_converters.quantizer import Floats

from ._edits import Edit
from ._statistics import TensorStatistics, observe
from ._treatment import Treatment

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Add")


class OnnxWorkshop:
    """Tries treatments of an .onnx hub; there are no edits of its graph."""

    suffix = ".onnx"

    def __init__(self, hub: Path, samples: Sequence[Sample], per_channel: bool) -> None:
        self._hub, self.samples, self._per_channel = hub, samples, per_channel
        self._prepared = prepare(hub)
        self._seen: Mapping[str, TensorStatistics] | None = None

    def plain(self, edits: tuple[Edit, ...] = ()) -> Treatment:
        """Return the treatment that a plain conversion is."""
        return Treatment(edits, {name: seen.range for name, seen in self.statistics(edits).items()})

    def statistics(self, edits: tuple[Edit, ...]) -> Mapping[str, TensorStatistics]:
        """Return what the calibration samples do to the graph."""
        if self._seen is None:
            self._seen = observe(OnnxActivations(self._prepared), self.samples)
        return self._seen

    def build(self, treatment: Treatment) -> bytes:
        """Return the quantized model."""
        kept = list(treatment.precision or {})
        return quantize_onnx_with_ranges(self._hub, self._per_channel, treatment.ranges, kept, Floats.OUTPUTS)

    def layers(self, edits: tuple[Edit, ...]) -> Sequence[tuple[str, ...]]:
        """Return the names of the nodes of each layer; the quantizer itself joins what it fuses."""
        return [(node.name,) for node in self._prepared.graph.node if node.op_type in WEIGHTED]
