"""Quantization-aware training of torch networks: prepare, train as usual, convert with what was learned.

>>> prepared = qat.prepare(network, (image,))
>>> ...  # train `prepared` like any module; qat.freeze(prepared) for the last epochs
>>> edgequant.convert(prepared, "network.tflite", quantize="int8")
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgequant_converters._extras import require_torch

if TYPE_CHECKING:
    import torch

__all__ = ["freeze", "prepare"]


def prepare(
    module: "torch.nn.Module",
    example_inputs: "Sequence[torch.Tensor] | torch.Tensor",
    *,
    weight_bits: int = 8,
) -> "torch.nn.Module":
    """Return a copy of `module` that computes as its int8 model will, ready to be trained; `module` stays as it is.

    Weights and activations are rounded to their 8-bit grids in the forward pass, and gradients pass through the
    rounding. The grids are those of the LiteRT 8-bit specification: activations int8 with a zero point and one scale
    per tensor, weights -127..127 with one scale per output channel, biases in steps of input scale times weight scale,
    one scale for what goes through reshape, pooling and concatenation, an activation function fused with what comes
    before it. Batch norms are folded into the weights before these are rounded.

    The result is a torch.nn.Module with parameters, `train()`, `eval()`, `state_dict()` and a free batch size. In
    training mode it learns the ranges of activations, as moving averages of each batch's extremes; in evaluation mode
    it keeps them. Its graph is that of `module` in evaluation mode, so code under `if self.training:` is left out;
    dropout and batch norms keep their two modes.

    Args:
        module: the network, trained in float before.
        example_inputs: the arguments of its forward(), float ones in the range they have in training; the written
            model's batch is theirs.
        weight_bits: 8, or 4 for weights -7..7 in linear layers and convolutions. Convolutions in groups, and those
            over a single channel, keep 8 bits: LiteRT's depthwise kernel takes no others.

    Raises:
        SourceError: the module fails on these inputs, cannot be traced, or fixes its batch size.
        UnsupportedError: a recurrent layer, a transposed convolution, other bit widths, or PyTorch is missing.

    """
    require_torch("for quantization-aware training")
    from ._prepare import prepare_module

    return prepare_module(module, example_inputs, weight_bits)


def freeze(prepared: "torch.nn.Module", *, batch_norms: bool = True, ranges: bool = True) -> None:
    """Fix the statistics of batch norms and the ranges of activations, in place; weights train on.

    From then on training computes exactly what the converted model will. Best done late, for the last tenth or third of
    the training, when weights change little. Raises UnsupportedError for a module that `prepare` did not make.
    """
    require_torch("for quantization-aware training")
    from ._prepared import freeze_module

    freeze_module(prepared, batch_norms=batch_norms, ranges=ranges)
