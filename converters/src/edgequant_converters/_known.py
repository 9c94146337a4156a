"""Quantized in, quantized out: a source that was quantized already gives its ranges, and no data is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from ._errors import UnsupportedError
from ._float_hub import hub_in
from ._measure import noise_samples
from ._onnx_write import save_onnx
from ._request import QuantizationRequest, Ranges, Sample
from ._schemes import Target
from .ir import Tensor, read_ir
from .onnx_export import export_onnx
from .quantizer import quantize_litert
from .sources import QuantizedSource, Source
from .tflite import read_model


@dataclass(frozen=True, slots=True)
class Known:
    """A float LiteRT hub and the range of each of its activations, from the integers that the source had."""

    hub: Path
    ranges: Ranges

    def noise(self, inputs: Sequence[TensorInfo]) -> list[Sample]:
        """Return seeded samples for these inputs of the network's hub, between the limits that their integers have."""
        tensors = read_ir(read_model(self.hub)).main.inputs
        return noise_samples(inputs, [self.ranges.get(tensor.name) for tensor in tensors])


def known_of(network: Source, hub: Path, target: Target, folder: str) -> Known | None:
    """Return what a quantized source knows; None if it is float, or if its ranges cannot be told.

    For an ONNX target the LiteRT hub is written beside the ONNX one.
    """
    if not isinstance(network, QuantizedSource):
        return None
    litert = hub
    if target is Target.ONNX:
        litert = hub_in(folder, Target.LITERT)
        try:
            network.write_litert(litert)
        except UnsupportedError:  # it has no LiteRT form: then it is a float network like any other
            return None
    return Known(litert, network.ranges) if network.ranges else None


def write_known(known: Known, output: Path, request: QuantizationRequest, io: str) -> None:
    """Write the model of the same integers: a .tflite, or by way of it an .onnx; raises UnsupportedError."""
    hub = read_model(known.hub)
    if output.suffix == Target.LITERT.suffix:
        quantize_litert(hub, output, request, io, known.ranges)
        return
    integers = known.hub.with_name("edgequant-integers.tflite")
    quantize_litert(hub, integers, request, io, known.ranges)
    save_onnx(export_onnx(read_ir(read_model(integers))), output)


def how_equal(network: QuantizedSource, known: Known, written: Path) -> str:
    """Say how many outputs of the quantized source and of what was written of it are within one step, on one input."""
    graph = read_ir(read_model(known.hub)).main
    theirs, ours = network.beside(written)
    pairs = zip(graph.outputs, theirs, ours, strict=True)
    steps = [_in_steps(*pair, known.ranges) for pair in pairs]
    found = [apart for apart in steps if apart is not None]
    if not found:
        return ""
    apart = np.concatenate(found)
    return (
        f"On one input {np.mean(apart <= _ROUNDED):.1%} of the output values are within one step of the quantized "
        f"source's, and none is more than {max(1, round(float(apart.max(initial=0.0))))} away."
    )


_ROUNDED = 1.01
"""One step, and the rounding of float32 in it."""


def _in_steps(tensor: Tensor, theirs: NDArray[Any], ours: NDArray[Any], ranges: Ranges) -> NDArray[np.float64] | None:
    """Return how far outputs are apart in steps of the 8-bit grid of their range; None if it is not known."""
    low, high = ranges.get(tensor.name, (0.0, 0.0))
    if not high > low or theirs.shape != ours.shape:
        return None
    return np.asarray(np.abs(theirs.astype(np.float64) - ours).reshape(-1) * 255 / (high - low))
