"""The module that is trained, and its float twin that is exported."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from edgequant_converters._errors import CalibrationError, UnsupportedError
from edgequant_converters._quiet import quiet

from ._fake_quantize import FakeQuantize
from ._layers import BatchNorm, FloatLayer, QuantizedLayer


class PreparedModule(nn.Module):
    """A network that computes as its int8 model will.

    `grids` says for each float value of the graph, by its node's name, which FakeQuantize (by its submodule's name)
    has its grid.
    """

    def __init__(
        self,
        network: fx.GraphModule,
        grids: Mapping[str, str],
        *,
        example_inputs: Sequence[torch.Tensor],
        input_names: Sequence[str],
        weight_bits: int,
        description: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.grids = dict(grids)
        self.example_inputs = tuple(example_inputs)
        self.input_names = tuple(input_names)
        self.weight_bits = weight_bits
        self.description = description

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Compute on inputs of the example's shapes but any batch size; what `module` returns is returned."""
        return self.network(*inputs)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the learned range of each float value; raises CalibrationError if training has not begun."""
        quantizers = {name: m for name, m in self.network.named_modules() if isinstance(m, FakeQuantize)}
        if not all(quantizer.seen for quantizer in quantizers.values()):
            raise CalibrationError(
                "The prepared module has seen no data, so it knows no ranges: train it, or at least run a few batches "
                "through it in training mode."
            )
        ranges = {name: quantizer.range for name, quantizer in quantizers.items()}
        return {value: ranges[name] for value, name in self.grids.items()}


def freeze_module(prepared: nn.Module, *, batch_norms: bool, ranges: bool) -> None:
    """See `freeze` of the package."""
    if not isinstance(prepared, PreparedModule):
        raise UnsupportedError(f"{type(prepared).__name__} was not made by qat.prepare: freeze what prepare returned.")
    for module in prepared.modules():
        if (batch_norms and isinstance(module, BatchNorm)) or (ranges and isinstance(module, FakeQuantize)):
            module.frozen.fill_(True)


def float_twin(prepared: PreparedModule) -> fx.GraphModule:
    """Return the network without rounding of activations, with folded and rounded weights, in evaluation mode.

    The names of the nodes stay, so that `prepared.grids` holds for it too.
    """
    with quiet():  # copying a traced graph's signature warns of a deprecation within torch
        twin = copy.deepcopy(prepared.network).cpu().eval()
    for node in list(twin.graph.nodes):
        if node.op != "call_module":
            continue
        module = twin.get_submodule(str(node.target))
        if isinstance(module, FakeQuantize):
            node.replace_all_uses_with(node.args[0])
            twin.graph.erase_node(node)
        elif isinstance(module, QuantizedLayer):
            twin.set_submodule(str(node.target), FloatLayer(module))
    twin.recompile()
    return twin.requires_grad_(False)
