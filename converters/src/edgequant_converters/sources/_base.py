"""The seam behind which every kind of trained network stands."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgequant_converters._request import Learned, QuantizationRequest


class Source(Protocol):
    """A trained float network that can be written as either hub: a float32 .tflite or a float32 .onnx.

    Both ways of writing compare the hub with the network, and return the lowest SQNR of an output (300: identical).
    Everything after the hubs (calibration, quantization, the report) is the same whatever the network came from.
    """

    description: str
    """What it is, for messages: "LeNet (torch module)", "resnet.h5 (Keras)"."""

    def write_litert(self, path: Path) -> float:
        """Write the network as a float32 .tflite; raises SourceError or UnsupportedError."""
        ...

    def write_onnx(self, path: Path) -> float:
        """Write the network as a float32 .onnx; raises SourceError or UnsupportedError."""
        ...


@runtime_checkable
class TrainedSource(Source, Protocol):
    """A network that was trained with quantization in the loop, so that its ranges need no calibration."""

    def learned(self, request: "QuantizationRequest") -> "Learned":
        """Return the learned ranges; raises UnsupportedError if `request` is not what the network was trained for."""
        ...


@runtime_checkable
class QuantizedSource(Source, Protocol):
    """A network that was quantized already: its float hub takes the place of the network that it was made from."""

    ranges: Mapping[str, tuple[float, float]]
    """The range that each activation's integers reach, by the name of the hub's tensor; empty for weights alone."""

    notes: tuple[str, ...]
    """What the user is to know of it, as sentences; complete once a hub was written."""

    def beside(self, written: Path) -> "tuple[list[NDArray[Any]], list[NDArray[Any]]]":
        """Return the outputs of the quantized file and of what was written of it, real numbers, on one input."""
        ...
