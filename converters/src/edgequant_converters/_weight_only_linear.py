"""Linear layers of a torch module with int8 weights and activations as they were (W8A16), put in place."""

from collections.abc import Iterable, Iterator
from typing import cast

import ml_dtypes
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from . import linear
from ._downcast import FootprintChange, footprint
from ._errors import UnsupportedError

SCALE_DTYPES = {
    torch.float64: np.float64,
    torch.float32: np.float32,
    torch.float16: np.float16,
    torch.bfloat16: ml_dtypes.bfloat16,
}
"""Weights that can be quantized, and numpy's type for their scales."""


class WeightOnlyInt8Linear(nn.Module):
    """y = x W^T + b with W = scale x int8_weight: 8 bits in memory, the arithmetic in the scale's float type.

    `int8_weight` (out_features, in_features) and `scale` (out_features, groups) are buffers, so state_dict, `.to()`
    and torch.export know them; `bias` stays the parameter it was. `weight` gives W in float, for code that looks at it.
    """

    int8_weight: torch.Tensor
    scale: torch.Tensor
    bias: nn.Parameter | None

    def __init__(self, int8_weight: torch.Tensor, scale: torch.Tensor, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.out_features, self.in_features = int8_weight.shape
        self.register_buffer("int8_weight", int8_weight)
        self.register_buffer("scale", scale)
        self.register_parameter("bias", bias)

    @property
    def weight(self) -> torch.Tensor:
        """The weights in the scale's float type, (out_features, in_features)."""
        rows, groups = self.scale.shape
        grouped = self.int8_weight.to(self.scale.dtype).reshape(rows, groups, -1)
        return (grouped * self.scale.unsqueeze(2)).reshape(self.int8_weight.shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x W^T + b, (..., in_features) to (..., out_features).

        The weights are widened before the product: int8 steps times float16 activations would overflow float16's sums.
        """
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return what torch prints between the parentheses."""
        groups = self.scale.shape[1]
        size = f", group_size={self.in_features // groups}" if groups > 1 else ""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}{size}"


def quantize_linears_(
    module: nn.Module, *, exclude: Iterable[str] = (), group_size: int | None = None
) -> FootprintChange:
    """Put int8 weights into a module's linear layers, in place, and return its footprint before and after.

    Each output row has one scale (max|w| / 127), or each run of `group_size` weights in it; scales have the weight's
    float type, so `module.half()` first gives W8A16. `exclude` names layers to leave: a layer's own name ("2",
    "classifier") or its full path ("decoder.layers.0.fc1"). Weights that several linear layers share stay shared.
    Subclasses of nn.Linear are left alone, but for the output projection of nn.MultiheadAttention.

    Nothing is changed if it raises. Raises UnsupportedError for a name that excludes nothing, no layer to quantize, a
    `group_size` that does not divide a layer's in_features, weights that are infinite, NaN or not float16, bfloat16,
    float32 or float64, and a weight that a layer of another kind shares (an embedding): exclude that one.
    """
    before = footprint(module)
    chosen = _chosen(module, tuple(exclude))
    _check_not_shared(module, chosen)
    weights: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    layers: dict[int, WeightOnlyInt8Linear] = {}
    for path, layer in chosen:
        if id(layer.weight) not in weights:
            weights[id(layer.weight)] = _quantized(path, layer.weight, group_size)
        layers[id(layer)] = WeightOnlyInt8Linear(*weights[id(layer.weight)], cast("nn.Parameter | None", layer.bias))
        layers[id(layer)].train(layer.training)
    for path, layer in chosen:
        module.set_submodule(path, layers[id(layer)])
    return FootprintChange(before, footprint(module))


def _linears(module: nn.Module) -> Iterator[tuple[str, nn.Linear]]:
    """Yield (path, layer); a layer used at two places comes with both paths."""
    kinds = (nn.Linear, nn.modules.linear.NonDynamicallyQuantizableLinear)
    for path, layer in module.named_modules(remove_duplicate=False):
        if type(layer) in kinds:
            if not path:
                raise UnsupportedError("A module that is a linear layer cannot be replaced in place: give its parent.")
            yield path, cast("nn.Linear", layer)


def _chosen(module: nn.Module, exclude: tuple[str, ...]) -> list[tuple[str, nn.Linear]]:
    layers = list(_linears(module))
    names = {name for path, _ in layers for name in (path, path.rpartition(".")[2])}
    if unknown := sorted(set(exclude) - names):
        raise UnsupportedError(f"No linear layer is called {' or '.join(map(repr, unknown))}: correct exclude.")
    chosen = [(path, layer) for path, layer in layers if not {path, path.rpartition(".")[2]} & set(exclude)]
    if not chosen:
        raise UnsupportedError("There is no linear layer to quantize: the module has none, or exclude names them all.")
    return chosen


def _check_not_shared(module: nn.Module, chosen: list[tuple[str, nn.Linear]]) -> None:
    """Refuse weights that would have to be kept in float for someone else as well: memory would grow."""
    quantized = {id(layer): layer for _, layer in chosen}
    paths = {id(layer.weight): path for path, layer in chosen}
    for path, other in module.named_modules():
        for name, parameter in other.named_parameters(recurse=False):
            if id(parameter) in paths and not (id(other) in quantized and name == "weight"):
                raise UnsupportedError(f"'{paths[id(parameter)]}' shares its weight with '{path}': exclude it.")


def _quantized(path: str, weight: torch.Tensor, group_size: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return int8 weights and their scales, (out_features, groups), on the weight's device."""
    if weight.dtype not in SCALE_DTYPES:
        raise UnsupportedError(
            f"The weight of '{path}' is stored as {weight.dtype}: cast it to float16 or wider first."
        )
    values = weight.detach().cpu().to(torch.promote_types(weight.dtype, torch.float32)).numpy()
    axis, scale_dtype = (0 if group_size is None else 1), SCALE_DTYPES[weight.dtype]
    try:
        quantizer = linear.fit(values, axis=axis, group_size=group_size, scale_dtype=scale_dtype)
    except UnsupportedError as error:
        raise UnsupportedError(f"Layer '{path}' cannot be quantized. {error}") from error
    int8_weight = torch.from_numpy(quantizer.quantize(values).astype(np.int8))
    scale = torch.from_numpy(quantizer.scale).to(weight.dtype)
    return int8_weight.to(weight.device), scale.to(weight.device)
