"""What a treatment does to the float graph before it is quantized: each edit is data, so that it can be repeated.

An edit names layers by their output tensors and holds every number it needs; no calibration data is read when a recipe
is repeated. Edits are applied in order, each to the graph that the ones before it left.
"""

import base64
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._network import Network, along, channel_scales, input_channel_axis
from ._split import split_output


class Edit(ABC):
    """One change of the float graph."""

    __slots__ = ()
    kind: ClassVar[str]

    @abstractmethod
    def apply(self, network: Network) -> None:
        """Change the graph; raises KeyError if it has no such layer."""

    def to_dict(self) -> dict[str, Any]:
        """Return the edit as JSON-ready values, `kind` among them."""
        return {"kind": self.kind, **{field.name: getattr(self, field.name) for field in fields(self)}}  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class SplitOutput(Edit):
    """Output number `output` becomes several outputs, cut at the indices `at` of axis `axis`."""

    kind: ClassVar[str] = "split_output"
    output: int
    axis: int
    at: tuple[int, ...]

    def apply(self, network: Network) -> None:
        split_output(network, self.output, self.axis, self.at)


@dataclass(frozen=True, slots=True)
class SilenceChannels(Edit):
    """Weights of `layer` that read the input channels `channels`, which are always zero, become zero."""

    kind: ClassVar[str] = "silence_channels"
    layer: str
    channels: tuple[int, ...]

    def apply(self, network: Network) -> None:
        layer = network.layer(self.layer)
        weights = network.weights(layer).copy()
        axis = input_channel_axis(layer)
        width = network.shape(layer.input)[-1]
        columns = np.isin(np.arange(weights.shape[axis]) % width, self.channels)
        weights[(slice(None),) * axis + (columns,)] = 0
        network.set_weights(layer, weights)


@dataclass(frozen=True, slots=True)
class UnclipRelu6(Edit):
    """The layers' RELU6 becomes RELU."""

    kind: ClassVar[str] = "unclip_relu6"
    layers: tuple[str, ...]

    def apply(self, network: Network) -> None:
        for name in self.layers:
            network.set_activation(network.layer(name), "RELU")


@dataclass(frozen=True, slots=True)
class ScaleChannels(Edit):
    """Channel c of what `producers` compute is divided by scales[c]; `consumers` multiply it back."""

    kind: ClassVar[str] = "scale_channels"
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    scales: tuple[float, ...]

    def apply(self, network: Network) -> None:
        scales = np.array(self.scales)
        for name in self.producers:
            layer = network.layer(name)
            weights = network.weights(layer)
            network.set_weights(layer, weights / along(scales, layer.channel_axis, weights.ndim))
            network.set_bias(layer, network.bias(layer) / scales)
        for name in self.consumers:
            layer = network.layer(name)
            weights, axis = network.weights(layer), input_channel_axis(layer)
            # A depthwise layer reads each channel `multiplier` times in a row; after a flattening, channels repeat.
            size, each = weights.shape[axis], layer.type == "DEPTHWISE_CONV_2D"
            repeated = np.repeat(scales, size // len(scales)) if each else np.tile(scales, size // len(scales))
            network.set_weights(layer, weights * along(repeated, axis, weights.ndim))


@dataclass(frozen=True, slots=True)
class RoundWeights(Edit):
    """The layer's weights become multiples of their int8 scale, `steps` away from the nearest multiple.

    `steps` is one int8 per weight in row-major order, compressed by zlib and written in base64. Every channel keeps its
    largest magnitude, so the quantizer finds the same scale and the same integers.
    """

    kind: ClassVar[str] = "round_weights"
    layer: str
    steps: str

    def apply(self, network: Network) -> None:
        layer = network.layer(self.layer)
        weights = network.weights(layer)
        scale = along(channel_scales(weights, layer.channel_axis), layer.channel_axis, weights.ndim)
        steps = np.frombuffer(zlib.decompress(base64.b64decode(self.steps)), np.int8).reshape(weights.shape)
        network.set_weights(layer, np.clip(np.rint(weights / scale) + steps, -127, 127) * scale)

    @classmethod
    def of(cls, layer: str, steps: NDArray[np.int8]) -> "RoundWeights":
        """Return the edit for steps as an array of the weights' shape."""
        return cls(layer, base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode())


@dataclass(frozen=True, slots=True)
class ShiftBias(Edit):
    """`shift` is added to the layer's bias, one value per output channel."""

    kind: ClassVar[str] = "shift_bias"
    layer: str
    shift: tuple[float, ...]

    def apply(self, network: Network) -> None:
        layer = network.layer(self.layer)
        network.set_bias(layer, network.bias(layer) + np.array(self.shift))


KINDS: dict[str, Any] = {
    edit.kind: edit for edit in (SplitOutput, SilenceChannels, UnclipRelu6, ScaleChannels, RoundWeights, ShiftBias)
}


def edit_from_dict(stored: Mapping[str, Any]) -> Edit:
    """Return the edit that `to_dict` wrote; raises KeyError or TypeError if it is none."""
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items() if name != "kind"}
    edit: Edit = KINDS[stored["kind"]](**values)
    return edit
