"""Smaller torch networks before they are quantized: channels that matter least go, the rest learn from the original.

>>> pruned = prune(network, (image,), loss, macs=0.5)
>>> distill(pruned.module, network, batches, epochs=4)
>>> edgequant.convert(pruned.module, "network.tflite", quantize="int8", ...)
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from edgequant_converters._extras import require_torch

from ._result import LayerChannels, Pruning, Sensitivity

if TYPE_CHECKING:
    import torch

__all__ = ["LayerChannels", "Pruning", "Sensitivity", "distill", "prune"]


def prune(
    module: "torch.nn.Module",
    example_inputs: "Sequence[torch.Tensor] | torch.Tensor",
    loss: "Callable[[torch.nn.Module], torch.Tensor]",
    *,
    macs: float = 0.5,
    multiple: int = 8,
    keep: Collection[str] = (),
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Pruning:
    """Remove channels from a copy of `module` until it multiplies no more than `macs` of what it did.

    What a layer can spare is measured: the channels of each layer, with all that are bound to them by sums, depthwise
    convolutions and batch norms, are removed alone, step by step, the least important first, and `loss` says what that
    costs. Then the steps are taken of which the rise of the loss is the least for the multiply-accumulates that they
    save. Importance is |weight x gradient of the loss|, summed over a channel (Molchanov et al., "Importance Estimation
    for Neural Network Pruning", 2019). What is bound to what is found by torch-pruning (Fang et al., "DepGraph", 2023).

    The result has lost accuracy: train it on, best by `distill` with `module` as the teacher.

    Args:
        module: a trained network; it stays as it is.
        example_inputs: the arguments of its forward(), as for `convert`.
        loss: takes a network in evaluation mode, runs it on data that it has not to learn by heart, a few hundred
            samples, and returns a scalar tensor with gradients, the lower the better; it is called some hundred times.
        macs: the share of the multiply-accumulates that may stay, above 0 and below 1.
        multiple: channels are removed in multiples of so many. Kernels compute 8 or 16 at once: what is left over
            costs as much as a full vector.
        keep: names of layers, as in `module.named_modules()`, whose channels stay. Layers that decide the shape of an
            output, or of which the network's own code fixes the number of channels, stay anyway.
        progress: called with (step, layers done, layers in all).

    Raises:
        SourceError: the module fails on these inputs, or cannot be traced; the loss is no scalar with gradients.
        UnsupportedError: a name in `keep` that there is not, a share that cannot be reached, or PyTorch or
            torch-pruning is missing.

    """
    require_torch("to prune a network", "torch_pruning")
    from ._prune import prune_module

    return prune_module(module, example_inputs, loss, macs, multiple, keep, progress)


def distill(
    student: "torch.nn.Module",
    teacher: "torch.nn.Module",
    batches: "Iterable[torch.Tensor | tuple[Any, ...]]",
    *,
    epochs: int = 1,
    rate: float = 1e-3,
    temperature: float = 2.0,
    truth: float = 0.0,
    loss: "Callable[[Any, Any], torch.Tensor] | None" = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> tuple[float, ...]:
    """Train `student`, in place, to answer as `teacher` does; return the mean loss of each epoch.

    Where both return scores (batch, classes), the loss is temperature^2 x KL(teacher || student) of their softmaxes at
    that temperature (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015); elsewhere the mean squared
    difference of all outputs, each over the teacher's variance. Adam, at a learning rate that falls from `rate` to 0 by
    half a cosine. A network of `qat.prepare` is a student like any other. The student is left in evaluation mode.

    Args:
        student: the network to train.
        teacher: the network to learn from; it is run in evaluation mode, and not changed.
        batches: read once an epoch: a tensor of inputs, or a tuple of inputs and labels; several inputs are a tuple.
        epochs: how many times `batches` is read.
        rate: the learning rate at the start.
        temperature: above 1 shows the student what the teacher takes for likely beside its choice.
        truth: the share, 0 to 1, of the cross-entropy with the labels in the loss; above 0 each batch needs labels.
        loss: takes the outputs of student and teacher, in place of the above.
        progress: called with ("distilling", batches done, None) as it goes.

    Raises:
        UnsupportedError: settings out of their range, no batches, labels that are missing, outputs that differ in
            shape, or PyTorch is missing.

    """
    require_torch("to train a network")
    from ._distill import Lesson, distill_module

    return distill_module(student, teacher, batches, epochs, rate, Lesson(temperature, truth, loss), progress)
