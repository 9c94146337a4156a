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


def _response(module: nn.CrossMapLRN2d) -> nn.Module | None:
    return nn.LocalResponseNorm(module.size, module.alpha, module.beta, module.k)


_STAND_INS: dict[type[nn.Module], Callable[[Any], nn.Module | None]] = {
    nn.CrossMapLRN2d: _response,
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
