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
        self.weight, self.mode, self.padding_idx = bag.weight, bag.mode, bag.padding_idx

    def forward(self, indices: torch.Tensor, per_sample_weights: torch.Tensor | None = None) -> torch.Tensor:
        """Join the table's rows (batch, length, features) of each bag, but those of the padding."""
        rows = nn.functional.embedding(indices, self.weight)
        if per_sample_weights is not None:
            rows = rows * per_sample_weights.unsqueeze(-1)
        if self.padding_idx is None:
            return rows.amax(1) if self.mode == "max" else rows.sum(1) if self.mode == "sum" else rows.mean(1)
        counts = (indices != self.padding_idx).unsqueeze(-1)
        if self.mode == "max":  # a bag of padding alone is 0
            most = rows.masked_fill(~counts, torch.finfo(rows.dtype).min).amax(1)
            return most * counts.any(1).to(rows.dtype)
        joined = (rows * counts).sum(1)
        return joined if self.mode == "sum" else joined / counts.sum(1).clamp(min=1)


def _bag(module: nn.EmbeddingBag) -> nn.Module | None:
    """Stand in for a bag; offsets, which it does not take, are for bags of unlike lengths."""
    return _RowsOfATable(module) if module.max_norm is None else None


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


class _Projected(nn.Module):
    """An LSTM with projections, of which PyTorch's export forgets these, as LSTMs without, one a layer.

    A step takes the projected output of the one before, h = P y, in W h only, which is (W P) y.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.batch_first, self.ways = lstm.batch_first, 2 if lstm.bidirectional else 1
        self.projections = [[way[-1].detach() for way in self._ways(lstm, layer)] for layer in range(lstm.num_layers)]
        self.layers = nn.ModuleList(self._layer(lstm, layer) for layer in range(lstm.num_layers))
        self.requires_grad_(requires_grad=False)

    def _ways(self, lstm: nn.LSTM, layer: int) -> list[list[nn.Parameter]]:
        return lstm.all_weights[layer * self.ways : (layer + 1) * self.ways]

    def _layer(self, lstm: nn.LSTM, layer: int) -> nn.LSTM:
        given = self._ways(lstm, layer)
        made = nn.LSTM(given[0][0].shape[1], lstm.hidden_size, bias=lstm.bias, bidirectional=self.ways == 2)
        with torch.no_grad():
            for old, new in zip(given, made.all_weights, strict=True):
                joined = (old[1].double() @ old[-1].double()).float()
                for before, after in zip([old[0], joined, *old[2:-1]], new, strict=True):
                    after.copy_(before)
        return made

    def forward(
        self, x: torch.Tensor, hx: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Return the sequence, in the layout of `x`, and the last projected outputs and cells of each layer and way."""
        batch_axis = None if x.ndim == 2 else 0 if self.batch_first else 1
        x = x.unsqueeze(1) if batch_axis is None else x.movedim(batch_axis, 1)
        if hx is not None and batch_axis is None:
            hx = hx[0].unsqueeze(1), hx[1].unsqueeze(1)
        outputs, cells = [], []
        for number, (layer, projections) in enumerate(zip(self.layers, self.projections, strict=True)):
            own = slice(number * self.ways, (number + 1) * self.ways)
            x, (output, cell) = layer(x, None if hx is None else (_before(hx[0][own], projections), hx[1][own]))
            x = torch.cat([y @ p.T for y, p in zip(x.chunk(self.ways, -1), projections, strict=True)], -1)
            outputs += [y @ p.T for y, p in zip(output, projections, strict=True)]
            cells.append(cell)
        last, cell = torch.stack(outputs), torch.cat(cells)
        if batch_axis is None:
            return x.squeeze(1), (last.squeeze(1), cell.squeeze(1))
        return x.movedim(1, batch_axis), (last, cell)


def _before(states: torch.Tensor, projections: list[torch.Tensor]) -> torch.Tensor:
    """Return outputs (ways, N, hidden) whose projections the given states (ways, N, projected) are: the shortest."""
    return torch.stack([h @ torch.linalg.pinv(p).T for h, p in zip(states, projections, strict=True)])


def _projected(module: nn.LSTM) -> nn.Module | None:
    return _Projected(module) if module.proj_size else None


_STAND_INS: dict[type[nn.Module], Callable[[Any], nn.Module | None]] = {
    nn.CrossMapLRN2d: _Response,
    nn.EmbeddingBag: _bag,
    nn.LSTM: _projected,
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
