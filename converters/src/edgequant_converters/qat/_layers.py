"""The layers of a prepared network: those with weights, with a batch norm folded in, and what else trains."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ._fake_quantize import fake_quantize_bias, fake_quantize_weight, weight_scales


class BatchNorm(nn.Module):
    """A batch norm of a traced graph, over axis 1, that trains until it is frozen."""

    running_mean: torch.Tensor
    running_var: torch.Tensor
    frozen: torch.Tensor

    def __init__(
        self, weight: nn.Parameter | None, bias: nn.Parameter | None, mean: torch.Tensor, var: torch.Tensor,
        momentum: float, eps: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight, self.bias = weight, bias
        self.momentum, self.eps = momentum, eps
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", var)
        self.register_buffer("frozen", torch.tensor(False))

    @property
    def learns(self) -> bool:
        """Whether it normalises by the batch's own statistics."""
        return self.training and not bool(self.frozen)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise `x`, of shape (batch, channels, ...)."""
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.learns, self.momentum, self.eps
        )

    def factor(self) -> torch.Tensor:
        """Return gamma / sqrt(running variance + eps), by which folding multiplies each output channel's weights."""
        factor = torch.rsqrt(self.running_var + self.eps)
        return factor if self.weight is None else factor * self.weight


@dataclass(frozen=True)
class Operation:
    """A convolution or matrix product: the ATen operator and its arguments after input, weight and bias."""

    operator: Callable[..., torch.Tensor]
    arguments: Sequence[Any] = ()

    def __call__(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Apply it."""
        return self.operator(x, weight, bias, *self.arguments)


class QuantizedLayer(nn.Module):
    """A layer whose weights are rounded to `bits` bits after its batch norm was folded into them.

    While the batch norm learns, the convolution computes with the weights folded by the running statistics, its outputs
    are scaled back and normalised by the batch's own (arXiv:1806.08342, section 3.2.2). Once frozen, and in
    evaluation mode, the layer is one convolution with folded weights and bias.
    """

    def __init__(
        self, operation: Operation, weight: nn.Parameter, bias: nn.Parameter | None, norm: BatchNorm | None, bits: int
    ) -> None:
        super().__init__()
        self.operation, self.bits = operation, bits
        self.weight, self.bias, self.norm = weight, bias, norm

    def forward(self, x: torch.Tensor, input_scale: torch.Tensor) -> torch.Tensor:
        """Compute on `x`, whose grid has the scale `input_scale`."""
        if self.norm is not None and self.norm.learns:
            return self._learn_norm(x, self.norm)
        weight, bias = self.folded()
        scales = weight_scales(weight, self.bits)
        bias = None if bias is None else fake_quantize_bias(bias, input_scale * scales)
        return self.operation(x, fake_quantize_weight(weight, scales, self.bits), bias)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return weight and bias with the batch norm's running statistics folded in."""
        if self.norm is None:
            return self.weight, self.bias
        factor = self.norm.factor()
        shift = -self.norm.running_mean if self.bias is None else self.bias - self.norm.running_mean
        bias = shift * factor if self.norm.bias is None else shift * factor + self.norm.bias
        return self.weight * _per_channel(factor, self.weight), bias

    def rounded_weight(self) -> torch.Tensor:
        """Return the folded weights on their grid."""
        weight, _ = self.folded()
        return fake_quantize_weight(weight, weight_scales(weight, self.bits), self.bits)

    def _learn_norm(self, x: torch.Tensor, norm: BatchNorm) -> torch.Tensor:
        factor = norm.factor()
        # A channel whose gamma is zero has no weights to scale back.
        factor = torch.where(factor.abs() > _SMALLEST_FACTOR, factor, torch.ones_like(factor))
        weight = self.weight * _per_channel(factor, self.weight)
        maps = self.operation(x, fake_quantize_weight(weight, weight_scales(weight, self.bits), self.bits), None)
        maps = maps / factor.view(1, -1, *[1] * (maps.ndim - 2))
        if self.bias is not None:
            maps = maps + self.bias.view(1, -1, *[1] * (maps.ndim - 2))
        normalised: torch.Tensor = norm(maps)
        return normalised


class FloatLayer(nn.Module):
    """What a QuantizedLayer leaves to be exported: one operation with its rounded weights."""

    def __init__(self, layer: QuantizedLayer) -> None:
        super().__init__()
        _, bias = layer.folded()
        self.operation = layer.operation
        self.register_buffer("weight", layer.rounded_weight().detach())
        self.register_buffer("bias", None if bias is None else bias.detach())

    def forward(self, x: torch.Tensor, input_scale: torch.Tensor) -> torch.Tensor:
        """Compute on `x`; the scale of its grid is not needed."""
        return self.operation(x, self.weight, self.bias)  # type: ignore[arg-type]


_SMALLEST_FACTOR = 1e-6


def _per_channel(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return values.view(-1, *[1] * (weight.ndim - 1))
