"""Normalisations, as they are in inference."""

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._registry import operator


@operator("BatchNormalization")
def batch_normalisation(node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    """Normalise each channel with the statistics that training left."""
    node.refuse("training_mode", 0)
    return F.batch_norm(x, mean, var, scale, bias, training=False, eps=node.get("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_normalisation(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """Normalise over all axes from `axis` on."""
    shape = x.shape[node.get("axis", -1) % x.ndim :]
    epsilon = node.get("epsilon", 1e-5)
    if scale.shape == shape and (bias is None or bias.shape == shape):
        return F.layer_norm(x, shape, scale, bias, epsilon)
    normalised = F.layer_norm(x, shape, eps=epsilon) * scale
    return normalised if bias is None else normalised + bias


@operator("RMSNormalization")
def rms_normalisation(node: Node, x: Tensor, scale: Tensor) -> Tensor:
    """Divide by the root mean square over all axes from `axis` on."""
    axes = list(range(node.get("axis", -1) % x.ndim, x.ndim))
    return x * torch.rsqrt(x.square().mean(axes, keepdim=True) + node.get("epsilon", 1e-5)) * scale


@operator("InstanceNormalization")
def instance_normalisation(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalise each channel of each sample over its spatial axes."""
    axes = list(range(2, x.ndim))
    centred = x - x.mean(axes, keepdim=True)
    normalised = centred * torch.rsqrt(centred.square().mean(axes, keepdim=True) + node.get("epsilon", 1e-5))
    return normalised * _per_channel(scale, x) + _per_channel(bias, x)


@operator("GroupNormalization")
def group_normalisation(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalise groups of channels; before opset 21 scale and bias are per group."""
    groups = node.attributes["num_groups"]
    if scale.numel() != x.shape[1]:
        scale, bias = (value.repeat_interleave(x.shape[1] // groups) for value in (scale, bias))
    return F.group_norm(x, groups, scale, bias, node.get("epsilon", 1e-5))


@operator("LpNormalization")
def lp_normalisation(node: Node, x: Tensor) -> Tensor:
    """Divide by the L1 or L2 norm along an axis."""
    axis = node.get("axis", -1)
    if node.get("p", 2) == 1:
        return x / x.abs().sum(axis, keepdim=True)
    return x / x.square().sum(axis, keepdim=True).sqrt()


@operator("LRN")
def local_response_normalisation(node: Node, x: Tensor) -> Tensor:
    """Divide by (bias + alpha / size * sum of squares of the neighbouring channels) ** beta."""
    size = node.attributes["size"]
    before = (size - 1) // 2
    squares = F.pad(x.square(), [0, 0] * (x.ndim - 2) + [before, size - 1 - before])
    total = torch.stack([squares.narrow(1, i, x.shape[1]) for i in range(size)]).sum(0)
    scaled = node.get("bias", 1.0) + node.get("alpha", 1e-4) / size * total
    return x / torch.pow(scaled, node.get("beta", 0.75))


def _per_channel(value: Tensor, x: Tensor) -> Tensor:
    return value.reshape(1, -1, *[1] * (x.ndim - 2))
