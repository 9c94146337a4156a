"""Modules that PyTorch's export cannot say, by others that compute the same, for as long as a network is traced."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class _RowsOfATable(nn.Module):
    """An EmbeddingBag whose bags are the rows of its input, all of one length."""

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.weight, self.mode = bag.weight, bag.mode

    def forward(self, indices: torch.Tensor, per_sample_weights: torch.Tensor | None = None) -> torch.Tensor:
        """Join the table's rows (batch, length, features) of each bag."""
        rows = nn.functional.embedding(indices, self.weight)
        if per_sample_weights is not None:
            rows = rows * per_sample_weights.unsqueeze(-1)
        if self.mode == "max":
            return rows.amax(1)
        return rows.sum(1) if self.mode == "sum" else rows.mean(1)


def _bag(module: nn.EmbeddingBag) -> nn.Module | None:
    """Stand in for a bag that leaves nothing out; offsets, which it does not take, are for bags of unlike lengths."""
    plain = module.padding_idx is None and module.max_norm is None
    return _RowsOfATable(module) if plain else None


class _Response(nn.Module):
    """A CrossMapLRN2d: not quite LocalResponseNorm, as its running sums over channels keep the first one's square."""

    def __init__(self, module: nn.CrossMapLRN2d) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = module.size, module.alpha, module.beta, module.k

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Divide (N, C, H, W) by what each channel's neighbours sum up to."""
        sums = nn.functional.conv2d(x * x, self._windows(x.shape[1])[:, :, None, None])
        return x * (sums * (self.alpha / self.size) + self.k).pow(-self.beta)

    def _windows(self, channels: int) -> torch.Tensor:
        """Return which squares (columns) are in each channel's sum (rows), by PyTorch's own recurrence."""
        reach = (self.size - 1) // 2 + 1
        rows = torch.zeros(channels, channels)
        rows[0, :reach] = 1
        for channel in range(1, channels):
            rows[channel] = rows[channel - 1]
            if channel < channels - reach + 1:
                rows[channel, channel + reach - 1] += 1
            if channel > reach:
                rows[channel, channel - reach] -= 1
        return rows


_STAND_INS: dict[type[nn.Module], Callable[[Any], nn.Module | None]] = {
    nn.CrossMapLRN2d: _Response,
    nn.EmbeddingBag: _bag,
}


@contextmanager
def with_stand_ins(module: nn.Module) -> Iterator[nn.Module]:
    """Give the network with stand-ins in it, which are taken out again behind the block."""
    changed: list[tuple[nn.Module, str, nn.Module]] = []
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            other = _stand_in(child)
            if other is not None:
                changed.append((parent, name, child))
                setattr(parent, name, other)
    try:
        yield _stand_in(module) or module
    finally:
        for parent, name, child in changed:
            setattr(parent, name, child)


def _stand_in(module: nn.Module) -> nn.Module | None:
    known = _STAND_INS.get(type(module))
    return None if known is None else known(module)
