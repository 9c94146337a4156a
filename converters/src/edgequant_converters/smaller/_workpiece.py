"""A copy of a network from which channels can be removed, with all that is bound to them."""

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.utils._pytree import tree_leaves

from edgequant_converters._errors import SourceError
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason

from ._network import channels_of, count_macs, layers_of

with quiet():  # it warns of what it finds, or does not find, installed
    import torch_pruning
    from torch_pruning.dependency import Group


class Workpiece:
    """A copy of `module` in evaluation mode.

    Channels are named as they were numbered in the beginning, whatever was removed since.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> None:
        self.module = copy.deepcopy(module).cpu().eval().requires_grad_(True)
        self._inputs = inputs
        self._removed: dict[str, list[int]] = {}
        try:
            with quiet(), torch.enable_grad():
                self._graph = torch_pruning.DependencyGraph().build_dependency(self.module, tuple(inputs))
        except Exception as error:  # whatever the network's own code or the tracer raises
            raise SourceError(f"{type(module).__name__} cannot be traced to be pruned: {reason(error)}.") from error

    def bound(self) -> Iterator[tuple[Group, list[str]]]:
        """Yield groups of channels that can only go together, and whose they are: layers, the root first."""
        names: dict[nn.Module, str] = {layer: name for name, layer in layers_of(self.module)}
        with quiet():
            groups = list(self._graph.get_all_groups(root_module_types=[_ConvNd, nn.Linear]))
        for group in reversed(groups):
            losing = [dep.target.module for dep, _ in group if self._graph.is_out_channel_pruning_fn(dep.handler)]
            yield group, [names[layer] for layer in losing if layer in names]

    def remove(self, layer: str, channels: Sequence[int]) -> None:
        """Remove output channels of a layer and what is bound to them."""
        gone = self._removed.setdefault(layer, [])
        places = [channel - sum(other < channel for other in gone) for channel in channels]
        root = self.module.get_submodule(layer)
        pruner = self._graph.get_pruner_of_module(root)
        with quiet():
            self._graph.get_pruning_group(root, pruner.prune_out_channels, sorted(places)).prune()
        gone.extend(channels)

    def macs(self) -> int:
        """Return the multiply-accumulates of one run."""
        return count_macs(self.module, self._inputs)

    def shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the outputs."""
        with torch.no_grad():
            return [tuple(value.shape) for value in tree_leaves(self.module(*self._inputs))]

    def channels(self) -> dict[str, int]:
        """Return how many output channels each layer has."""
        return {name: channels_of(layer) for name, layer in layers_of(self.module)}
