"""The seam behind which every kind of trained network stands."""

from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """A trained float network that can be written as either hub: a float32 .tflite or a float32 .onnx.

    Everything after the hubs (calibration, quantization, the report) is the same whatever the network came from.
    """

    description: str
    """What it is, for messages: "LeNet (torch module)", "resnet.h5 (Keras)"."""

    def write_litert(self, path: Path) -> None:
        """Write the network as a float32 .tflite; raises SourceError or UnsupportedError."""
        ...

    def write_onnx(self, path: Path) -> None:
        """Write the network as a float32 .onnx; raises SourceError or UnsupportedError."""
        ...
