"""Counting in a torch network: channels and multiply-accumulates of its layers."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

LAYERS = (_ConvNd, nn.Linear)
"""The layers whose channels can be removed, and whose multiply-accumulates are counted."""


def layers_of(module: nn.Module) -> Iterator[tuple[str, _ConvNd | nn.Linear]]:
    """Yield (name, layer) of the convolutions and linear layers."""
    for name, layer in module.named_modules():
        if isinstance(layer, LAYERS):
            yield name, layer


def channels_of(layer: _ConvNd | nn.Linear) -> int:
    """Return how many output channels a layer has."""
    return layer.out_channels if isinstance(layer, _ConvNd) else layer.out_features


def count_macs(module: nn.Module, inputs: Sequence[torch.Tensor]) -> int:
    """Return the multiply-accumulates of convolutions and linear layers in one run on these inputs."""
    total = 0

    def count(layer: nn.Module, given: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
        nonlocal total
        # A transposed convolution multiplies each input value by one filter, all others make each output of one.
        values = given[0] if isinstance(layer, _ConvTransposeNd) else result
        assert isinstance(layer.weight, torch.Tensor)
        total += values.numel() * layer.weight[0].numel()

    with ExitStack() as hooks, torch.no_grad():
        for _, layer in layers_of(module):
            hooks.enter_context(layer.register_forward_hook(count))
        module(*inputs)
    return total


def count_parameters(module: nn.Module) -> int:
    """Return how many values the parameters hold."""
    return sum(parameter.numel() for parameter in module.parameters())
