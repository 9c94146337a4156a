"""What each layer can spare: its channels are removed alone, the least important first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch_pruning.dependency import Group
from torch_pruning.pruner.importance import GroupTaylorImportance

from edgequant_converters._errors import SourceError

from ._network import channels_of
from ._result import Sensitivity
from ._workpiece import Workpiece

LEVELS = 8
"""A layer's channels are removed in at most so many steps, the last of which is not taken: some channels stay."""

Loss = Callable[[nn.Module], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that can lose channels: which ones in each step, the least important first."""

    name: str
    steps: tuple[tuple[int, ...], ...]


def prunable_layers(workpiece: Workpiece, loss: Loss, multiple: int, keep: frozenset[str]) -> Iterator[Layer]:
    """Yield the layers that have channels to lose, in the order in which they run. The workpiece gets gradients."""
    _backward(loss, workpiece.module)
    importance = GroupTaylorImportance()
    for group, names in workpiece.bound():
        if keep.isdisjoint(names) and not any(_is_grouped(dep.target.module) for dep, _ in group):
            yield Layer(names[0], tuple(_steps(_scores(group, importance), multiple)))


def measure(module: nn.Module, inputs: Sequence[torch.Tensor], loss: Loss, layer: Layer) -> Sensitivity | None:
    """Remove a layer's channels alone, step by step; None if the network cannot do without any of them."""
    workpiece = Workpiece(module, inputs)
    kept, losses, macs = [workpiece.channels()[layer.name]], [float(evaluate(loss, module))], [workpiece.macs()]
    shapes = workpiece.shapes()
    for channels in layer.steps:
        workpiece.remove(layer.name, channels)
        try:
            if workpiece.shapes() != shapes:
                return None  # they are an output's
        except (RuntimeError, ValueError, IndexError, AssertionError):
            return None  # the network's code knows their number
        kept.append(kept[-1] - len(channels))
        losses.append(float(evaluate(loss, workpiece.module)))
        macs.append(workpiece.macs())
    return Sensitivity(layer.name, tuple(kept), tuple(losses), tuple(macs)) if layer.steps else None


def evaluate(loss: Loss, module: nn.Module) -> torch.Tensor:
    """Return the loss without gradients."""
    with torch.no_grad():
        return _checked(loss(module))


def _backward(loss: Loss, module: nn.Module) -> None:
    module.zero_grad()
    with torch.enable_grad():
        value = _checked(loss(module))
        if not value.requires_grad:
            raise SourceError("The loss has no gradients: compute it from the network's outputs, without no_grad().")
        value.backward()  # type: ignore[no-untyped-call]
    for parameter in module.parameters():
        if parameter.grad is None:  # what these outputs do not depend on
            parameter.grad = torch.zeros_like(parameter)


def _checked(value: object) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not torch.isfinite(value).all():
        raise SourceError("The loss must be a tensor of one finite number: return, for example, a mean cross-entropy.")
    return value


def _is_grouped(layer: nn.Module) -> bool:
    """Tell whether a convolution has groups of several channels, of which none can go alone."""
    return isinstance(layer, _ConvNd) and 1 < layer.groups < channels_of(layer)


def _scores(group: Group, importance: GroupTaylorImportance) -> list[float]:
    scores = importance(group)
    return [] if scores is None else [float(score) for score in scores]


def _steps(scores: Sequence[float], multiple: int) -> Iterator[tuple[int, ...]]:
    order = sorted(range(len(scores)), key=lambda channel: scores[channel])
    size = multiple * max(1, -(-len(scores) // (LEVELS * multiple)))
    uneven = len(scores) % multiple  # goes with the first step: what stays is a multiple
    start = 0
    while start + size + (uneven if not start else 0) < len(scores):
        stop = start + size + (uneven if not start else 0)
        yield tuple(order[start:stop])
        start = stop
