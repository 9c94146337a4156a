"""Normalisations: by statistics of the training, of the data at hand, or by a norm."""

from collections.abc import Sequence
from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._layout import to_channels_first, to_channels_last
from ._node import Node
from ._registry import lowers


@lowers("BatchNormalization")
def batch_normalization(node: Node, build: Builder) -> list[Tensor]:
    """Shift and scale by statistics of the training: a factor and an addend, which the layer before takes.

    With training_mode the statistics are those of the data, and the running ones are outputs.
    """
    node.only("spatial", 1)
    scale, bias, mean, variance = (node.input(index) for index in range(1, 5))
    epsilon = node.get("epsilon", 1e-5)
    x = node.input(0)
    maps = to_channels_last(build, x) if x.rank > 2 else x
    running: list[Tensor] = []
    if node.get("training_mode", 0):
        given = [mean, variance]
        axes = range(maps.rank - 1)
        mean = build.reduce("MEAN", maps, axes, keep=False)
        centred = build.sub(maps, mean)
        variance = build.reduce("MEAN", build.mul(centred, centred), axes, keep=False)
        momentum = node.get("momentum", 0.9)
        pairs = zip(given, (mean, variance), strict=True)
        running = [_blended(build, old, new, momentum) for old, new in pairs]
    if all(tensor.is_constant for tensor in (scale, bias, mean, variance)):
        wide = [tensor.values.astype(np.float64) for tensor in (scale, bias, mean, variance)]
        factors = wide[0] / np.sqrt(wide[3] + epsilon)
        factor = build.constant(factors, np.float32, f"{build.scope}/factor")
        addend = build.constant(wide[1] - wide[2] * factors, np.float32, f"{build.scope}/addend")
    else:
        spread = build.unary("RSQRT", build.add(variance, build.like(epsilon, variance)))
        factor = build.mul(scale, spread)
        addend = build.sub(bias, build.mul(mean, factor))
    made = build.add(build.mul(maps, factor), addend)
    return [to_channels_first(build, made) if x.rank > 2 else made, *running]


def _blended(build: Builder, old: Tensor, new: Tensor, momentum: float) -> Tensor:
    kept = build.mul(old, build.like(momentum, old))
    return build.add(kept, build.mul(new, build.like(1 - momentum, new)))


@lowers("InstanceNormalization")
def instance_normalization(node: Node, build: Builder) -> Tensor:
    """Normalise each channel of each image."""
    maps = to_channels_last(build, node.input(0))
    made, _, _ = _normalised(build, maps, range(1, maps.rank - 1), node.get("epsilon", 1e-5))
    return to_channels_first(build, build.add(build.mul(made, node.input(1)), node.input(2)))


@lowers("GroupNormalization")
def group_normalization(node: Node, build: Builder) -> Tensor:
    """Normalise groups of channels of each image; before opset 21 scale and bias are of groups, then of channels."""
    x, groups = node.input(0), node.attributes["num_groups"]
    maps = to_channels_last(build, x)
    channels = maps.shape[-1]
    grouped = build.reshape(maps, (maps.shape[0], prod(maps.shape[1:-1]), groups, channels // groups))
    made, _, _ = _normalised(build, grouped, [1, 3], node.get("epsilon", 1e-5))
    scale, bias = node.input(1), node.input(2)
    if scale.shape[0] == groups != channels:
        scale, bias = (_for_each_channel(build, tensor, channels) for tensor in (scale, bias))
    flat = build.reshape(made, maps.shape)
    return to_channels_first(build, build.add(build.mul(flat, scale), bias))


def _for_each_channel(build: Builder, of_groups: Tensor, channels: int) -> Tensor:
    groups = of_groups.shape[0]
    column = build.reshape(of_groups, (groups, 1))
    return build.reshape(build.broadcast_to(column, (groups, channels // groups)), (channels,))


@lowers("LayerNormalization")
def layer_normalization(node: Node, build: Builder) -> list[Tensor | None]:
    """Normalise over the axes from `axis` on; the outputs are the result, the mean, and 1 / standard deviation."""
    x = node.input(0)
    axes = range(node.get("axis", -1) % x.rank, x.rank)
    made, mean, inverse = _normalised(build, x, axes, node.get("epsilon", 1e-5))
    made = build.mul(made, node.input(1))
    bias = node.optional(2)
    return [made if bias is None else build.add(made, bias), mean, inverse]


@lowers("RMSNormalization")
def rms_normalization(node: Node, build: Builder) -> Tensor:
    """Divide by the root of the mean square over the axes from `axis` on."""
    x = node.input(0)
    mean = build.reduce("MEAN", build.mul(x, x), range(node.get("axis", -1) % x.rank, x.rank), keep=True)
    inverse = build.unary("RSQRT", build.add(mean, build.like(node.get("epsilon", 1e-5), mean)))
    return build.mul(build.mul(x, inverse), node.input(1))


@lowers("MeanVarianceNormalization")
def mean_variance_normalization(node: Node, build: Builder) -> Tensor:
    """Subtract the mean and divide by the standard deviation, over all axes but that of the channels by default."""
    x = node.input(0)
    axes = [axis % x.rank for axis in node.get("axes", [0, 2, 3])]
    centred = build.sub(x, build.reduce("MEAN", x, axes, keep=True))
    variance = build.reduce("MEAN", build.mul(centred, centred), axes, keep=True)
    deviation = build.unary("SQRT", variance)
    return build.div(centred, build.add(deviation, build.like(1e-9, deviation)))


def _normalised(build: Builder, x: Tensor, axes: Sequence[int], epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return (x - mean) / sqrt(variance + epsilon), the mean, and 1 / the root."""
    mean = build.reduce("MEAN", x, axes, keep=True)
    centred = build.sub(x, mean)
    variance = build.reduce("MEAN", build.mul(centred, centred), axes, keep=True)
    inverse = build.unary("RSQRT", build.add(variance, build.like(epsilon, variance)))
    return build.mul(centred, inverse), mean, inverse


@lowers("LpNormalization")
def lp_normalization(node: Node, build: Builder) -> Tensor:
    """Divide by the 1-norm or 2-norm along an axis; all zeros stay zeros."""
    x, axis = node.input(0), node.get("axis", -1) % node.input(0).rank
    node.only("p", 2, 1)
    if node.get("p", 2) == 1:
        norm = build.reduce("SUM", build.unary("ABS", x), [axis], keep=True)
        return build.div(x, build.binary("MAXIMUM", norm, build.like(1e-30, norm)))
    order = [*(other for other in range(x.rank) if other != axis), axis]
    moved = build.transpose(x, order)
    flat = moved if x.rank <= 4 else build.reshape(moved, (-1, moved.shape[-1]))
    made = build.reshape(build.unary("L2_NORMALIZATION", flat), moved.shape)
    return build.transpose(made, [order.index(place) for place in range(x.rank)])


@lowers("LRN")
def local_response_normalization(node: Node, build: Builder) -> Tensor:
    """Divide by (bias + alpha * mean of the squares of the neighbouring channels) ** beta.

    The means are one dense layer over the channels, whose matrix is a band.
    """
    maps, size = to_channels_last(build, node.input(0)), node.attributes["size"]
    channels = maps.shape[-1]
    offsets = np.arange(channels) - np.arange(channels)[:, None]
    band = (offsets >= -((size - 1) // 2)) & (offsets <= size // 2)
    weights = build.constant(band * (node.get("alpha", 1e-4) / size), np.float32, f"{build.scope}/band")
    bias = build.constant([node.get("bias", 1.0)] * channels, np.float32, f"{build.scope}/bias")
    sums = build.fully_connected(build.mul(maps, maps), weights, bias)
    factor = build.binary("POW", sums, build.like(-node.get("beta", 0.75), sums))
    return to_channels_first(build, build.mul(maps, factor))
