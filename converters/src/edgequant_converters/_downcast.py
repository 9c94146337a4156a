"""Storing a torch module's weights in fewer bytes, and counting them."""

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._errors import UnsupportedError
from .formats import format_named

if TYPE_CHECKING:
    import torch
    from torch import nn

FORMATS = ("fp16", "bf16", "fp8-e4m3fn", "fp8-e5m2")
"""The formats that `downcast` takes."""


def footprint(module: "nn.Module") -> int:
    """Return the bytes that the module's parameters and buffers take in memory; a shared tensor counts once."""
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


@dataclass(frozen=True, slots=True)
class FootprintChange:
    """What a module took in memory before and after a change, in bytes; as text in megabytes of 10^6 bytes."""

    before: int
    after: int

    def __str__(self) -> str:
        return f"{self.before / 1e6:.6f} MB to {self.after / 1e6:.6f} MB ({self.after / max(self.before, 1):.1%})"


def downcast(module: "nn.Module", dtype: "torch.dtype | str") -> "nn.Module":
    """Return a copy whose floating-point parameters and buffers are stored as `dtype`; the module itself stays.

    `dtype` is fp16, bf16, fp8-e4m3fn (fp8) or fp8-e5m2, by any name that `format_named` knows, or a torch.dtype.
    Values are rounded to nearest, ties to even. Beyond the type's range float16, bfloat16 and float8_e5m2 give
    infinity, and float8_e4m3fn, which has none, NaN: scale such weights first. A float8 copy is storage only: PyTorch
    has no matrix products for it on CPUs, so cast it back (`.float()`) before running it.

    `FootprintChange(footprint(module), footprint(copy))` says what was saved.

    Raises UnsupportedError for any other type.
    """
    import torch

    number = format_named(str(dtype))
    if number.name not in FORMATS:
        raise UnsupportedError(f"{number.name} is not a type to store weights in: take one of {', '.join(FORMATS)}.")
    target: torch.dtype = getattr(torch, number.dtype.name)
    smaller = copy.deepcopy(module)
    for tensor in (*smaller.parameters(), *smaller.buffers()):
        if tensor.is_floating_point():
            tensor.requires_grad_(False)  # float8 has no gradients
            tensor.data = tensor.data.to(target)
    return smaller
