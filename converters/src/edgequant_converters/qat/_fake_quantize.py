"""Rounding to an integer grid within float arithmetic; gradients pass where the grid does not saturate."""

import math

import torch
from torch import nn

INT8_MIN, INT8_MAX = -128, 127
INT32_MAX = 2**31 - 1

MOMENTUM = 0.05
"""How much a batch's extremes move the learned range: after 60 batches the first one's share is below 5 %."""


class FakeQuantize(nn.Module):
    """The int8 grid of one activation, or of several that must share theirs: one scale, one zero point.

    real = scale * (integer - zero_point), integer in -128..127; zero is always on the grid. Each of the `sites` where
    the grid is used keeps its own range, and the grid covers them all. `fixed` is a range that LiteRT prescribes.
    """

    sites_low: torch.Tensor
    sites_high: torch.Tensor
    scale: torch.Tensor
    zero_point: torch.Tensor
    frozen: torch.Tensor

    def __init__(self, sites: int, fixed: tuple[float, float] | None = None) -> None:
        super().__init__()
        low, high = fixed or (math.inf, -math.inf)
        self.register_buffer("sites_low", torch.full((sites,), low))
        self.register_buffer("sites_high", torch.full((sites,), high))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("zero_point", torch.zeros((), dtype=torch.int32))
        self.register_buffer("frozen", torch.tensor(fixed is not None))
        if fixed:
            self._update_grid()

    @property
    def seen(self) -> bool:
        """Whether every site has a range."""
        return bool(torch.isfinite(self.sites_low).all())

    @property
    def range(self) -> tuple[float, float]:
        """The real values of the grid's ends before the zero point was rounded; zero lies between them."""
        return min(0.0, self.sites_low.min().item()), max(0.0, self.sites_high.max().item())

    def forward(self, x: torch.Tensor, site: int) -> torch.Tensor:
        """Return the nearest values on the grid, after a look at the range of `x` if this is training."""
        if self.training and not self.frozen:
            self._observe(x.detach(), site)
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero_point, INT8_MIN, INT8_MAX)

    def _observe(self, x: torch.Tensor, site: int) -> None:
        low, high = torch.aminmax(x)
        first = not torch.isfinite(self.sites_low[site])
        weight = 1.0 if first else MOMENTUM
        for extremes, new in ((self.sites_low, low), (self.sites_high, high)):
            extremes[site] = new if first else extremes[site] + weight * (new - extremes[site])
        self._update_grid()

    def _update_grid(self) -> None:
        known = torch.isfinite(self.sites_low)
        low = self.sites_low[known].min().clamp(max=0)
        high = self.sites_high[known].max().clamp(min=0)
        width = high - low
        scale = torch.where(width > 0, width / (INT8_MAX - INT8_MIN), torch.ones_like(width))
        self.scale.copy_(scale)
        self.zero_point.copy_((INT8_MIN - torch.round(low / scale)).clamp(INT8_MIN, INT8_MAX))


def weight_scales(weight: torch.Tensor, bits: int) -> torch.Tensor:
    """Return the scale of each output channel (the first axis): max|w| / (2^(bits-1) - 1); 1 for a channel of zeros."""
    largest = weight.detach().flatten(1).abs().amax(1)
    return torch.where(largest > 0, largest / (2 ** (bits - 1) - 1), torch.ones_like(largest))


def fake_quantize_weight(weight: torch.Tensor, scales: torch.Tensor, bits: int) -> torch.Tensor:
    """Round weights (output channels first) to their channel's symmetric grid."""
    largest = 2 ** (bits - 1) - 1
    zeros = torch.zeros_like(scales, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -largest, largest)


def fake_quantize_bias(bias: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Round an int32 bias to steps of input scale times weight scale; the gradient passes unchanged."""
    steps = torch.round(bias.detach() / scales).clamp(-INT32_MAX, INT32_MAX)
    return bias + (steps * scales - bias).detach()
