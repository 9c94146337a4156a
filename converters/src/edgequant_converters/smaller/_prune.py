"""Pruning: measure what each layer can spare, then take the steps that cost least for what they save."""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import nn

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters.sources._torch import checked_inputs

from ._network import count_parameters, layers_of
from ._result import LayerChannels, Pruning, Sensitivity
from ._sensitivity import Layer, Loss, measure, prunable_layers
from ._workpiece import Workpiece


def prune_module(
    module: nn.Module,
    example_inputs: Sequence[torch.Tensor] | torch.Tensor,
    loss: Loss,
    share: float,
    multiple: int,
    keep: Collection[str],
    progress: Callable[[str, int, int | None], None] | None,
) -> Pruning:
    """See `prune` of the package."""
    _check(module, share, multiple, keep)
    inputs = checked_inputs(example_inputs, type(module).__name__)
    workpiece = Workpiece(module, inputs)
    before, parameters, channels = workpiece.macs(), count_parameters(module), workpiece.channels()
    if not before:
        raise UnsupportedError("The network has no convolution or linear layer, so there are no channels to remove.")
    layers = list(prunable_layers(Workpiece(module, inputs), loss, multiple, frozenset(keep)))
    reference, found = Workpiece(module, inputs).module, dict[Layer, Sensitivity]()
    for done, layer in enumerate(layers):
        if progress is not None:
            progress("measuring layers", done, len(layers))
        if (sensitivity := measure(reference, inputs, loss, layer)) is not None:
            found[layer] = sensitivity
    _take_steps(workpiece, found, share * before)
    after = workpiece.macs()
    if after > share * before:
        raise UnsupportedError(
            f"Channels alone bring this network down to {after / before:.1%} of its MACs, not to {share:.1%}: ask for "
            f"more, or take multiple=1{' and shorten keep' if keep else ''}."
        )
    changes = tuple(LayerChannels(name, channels[name], now) for name, now in workpiece.channels().items())
    workpiece.module.zero_grad()
    return Pruning(
        workpiece.module, before, after, parameters, count_parameters(workpiece.module), changes, tuple(found.values())
    )


def _check(module: nn.Module, share: float, multiple: int, keep: Collection[str]) -> None:
    if not isinstance(module, nn.Module):
        raise SourceError(f"{type(module).__name__} is not a torch.nn.Module: give the network itself.")
    if not 0 < share < 1:
        raise UnsupportedError(f"A share of {share} of the MACs makes no sense: give one above 0 and below 1, as 0.5.")
    if multiple < 1:
        raise UnsupportedError(f"Channels cannot be removed in multiples of {multiple}: give 1 or more.")
    if unknown := sorted(set(keep) - {name for name, _ in layers_of(module)}):
        raise UnsupportedError(f"No convolution or linear layer is called {' or '.join(map(repr, unknown))}: see keep.")


def _take_steps(workpiece: Workpiece, found: dict[Layer, Sensitivity], limit: float) -> None:
    """Remove channels until the network has no more than `limit` MACs, or nothing is left to remove."""
    taken = dict.fromkeys(found, 0)
    while workpiece.macs() > limit:
        open_layers = [layer for layer in found if taken[layer] < len(layer.steps)]
        if not open_layers:
            return
        layer = min(open_layers, key=lambda one: _price(found[one], taken[one]))
        workpiece.remove(layer.name, layer.steps[taken[layer]])
        taken[layer] += 1


def _price(measured: Sensitivity, taken: int) -> float:
    """Return what the next step costs: the loss of all steps with it, above that of none, for each MAC it saves.

    A loss that falls where channels go is noise of the data: it counts as none.
    """
    rise = max(max(measured.losses[: taken + 2]) - measured.losses[0], 0.0)
    return rise / max(measured.macs[0] - measured.macs[taken + 1], 1)
