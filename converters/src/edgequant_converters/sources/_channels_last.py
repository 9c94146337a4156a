"""A network whose image inputs are channels last (NHWC), though it was written for channels first (NCHW)."""

from collections.abc import Sequence

import torch
from torch import nn

_TO_NCHW = [0, 3, 1, 2]


class ChannelsLastInput(nn.Module):
    """A network whose marked inputs are NHWC; everything else is the wrapped network's own."""

    def __init__(self, wrapped: nn.Module, permuted: Sequence[bool]) -> None:
        super().__init__()
        self.wrapped = wrapped
        self._permuted = tuple(permuted)

    def forward(self, *inputs: torch.Tensor) -> object:
        """Permute the marked inputs to NCHW and run the wrapped network."""
        # contiguous(): the wrapped network may take views that channels-last strides forbid.
        pairs = zip(inputs, self._permuted, strict=True)
        return self.wrapped(*(value.permute(_TO_NCHW).contiguous() if permuted else value for value, permuted in pairs))
