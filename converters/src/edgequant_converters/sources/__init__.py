"""Readers of trained networks, one module a kind.

A reader's heavy library is imported when the reader is asked for, so that importing this package stays cheap.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ._base import Source
from ._extras import require_torch
from ._recognise import open_source

if TYPE_CHECKING:
    import torch

__all__ = ["Source", "from_torch", "open_source"]


def from_torch(
    module: "torch.nn.Module",
    example_inputs: "Sequence[torch.Tensor] | torch.Tensor",
    *,
    input_layout: str = "nchw",
) -> Source:
    """Return a torch module as a source; a snapshot in evaluation mode is taken, the module itself is left as it is.

    `example_inputs` are the arguments of `forward()`, in its own layout and with the batch size that the model is to
    have. With `input_layout="nhwc"` the written model's 4-d inputs are NHWC: permute the data, not the network.

    Raises SourceError for anything but a module that runs on these inputs, UnsupportedError without PyTorch.
    """
    require_torch("to read a torch module")
    from ._torch import TorchSource

    return TorchSource(module, example_inputs, input_layout=input_layout)
