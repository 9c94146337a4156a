"""What pruning did, in numbers."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class LayerChannels:
    """How many output channels a convolution or linear layer had, and has."""

    layer: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the loss was with only so many channels of one layer, and of those bound to it, and all of the others.

    `kept` goes down from all channels, and `losses` and `macs` (of the whole network) go with it.
    """

    layer: str
    kept: tuple[int, ...]
    losses: tuple[float, ...]
    macs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """A pruned copy of a network, in evaluation mode, and how it came about."""

    module: "torch.nn.Module"
    macs_before: int
    macs_after: int
    parameters_before: int
    parameters_after: int
    layers: tuple[LayerChannels, ...]
    sensitivities: tuple[Sensitivity, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the module as JSON-ready values."""
        names = ("macs_before", "macs_after", "parameters_before", "parameters_after")
        return {
            **{name: getattr(self, name) for name in names},
            "layers": [asdict(layer) for layer in self.layers],
            "sensitivities": [asdict(one) for one in self.sensitivities],
        }

    def __str__(self) -> str:
        macs, parameters = self.macs_after / self.macs_before, self.parameters_after / self.parameters_before
        return (
            f"{self.macs_before:,} MACs to {self.macs_after:,} ({macs:.1%}), "
            f"{self.parameters_before:,} parameters to {self.parameters_after:,} ({parameters:.1%})"
        )
