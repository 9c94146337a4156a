"""A torch module in memory as a source."""

import copy
import inspect
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray
from torch import nn
from torch.export import ExportedProgram
from torch.utils._pytree import tree_leaves

from edgequant_converters._errors import SourceError
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason
from edgequant_converters.calibration import SampleFor, no_sample

from ._channels_last import ChannelsLastInput
from ._layout import check_layout, to_nchw
from ._self_check import check_hub, seeded_inputs
from ._torch_program import export_program, output_names, write_litert, write_onnx
from ._torch_stand_ins import with_stand_ins


class TorchSource:
    """A torch.nn.Module with example inputs; a snapshot is taken, so the caller's module is never touched."""

    def __init__(
        self,
        module: nn.Module,
        example_inputs: Sequence[torch.Tensor] | torch.Tensor,
        *,
        description: str | None = None,
        input_names: Sequence[str] | None = None,
        input_layout: str = "nchw",
        sample: SampleFor = no_sample,
    ) -> None:
        check_layout(input_layout)
        self.description = description or f"{type(module).__name__} (torch module)"
        self.example_inputs = checked_inputs(example_inputs, self.description)
        self.module = _snapshot(module, self.description)
        self.input_names = tuple(input_names or forward_names(module, len(self.example_inputs)))
        self._permuted = _permuted(self.example_inputs, input_layout)
        self._sample = partial(_sampled, self.input_names, self.example_inputs, self._permuted, sample)
        self.output_names = output_names(self._run_module(self.example_inputs))

    def write_litert(self, path: Path) -> float:
        """Write the network as a float32 .tflite; raises SourceError or UnsupportedError."""
        write_litert(self._program, path, self.input_names, self.output_names, self.description)
        return self._check(path)

    def write_onnx(self, path: Path) -> float:
        """Write the network as a float32 .onnx; raises SourceError or UnsupportedError."""
        write_onnx(self._program, path, self.input_names, self.output_names, self.description)
        return self._check(path)

    @cached_property
    def _program(self) -> ExportedProgram:
        module = ChannelsLastInput(self.module, self._permuted) if any(self._permuted) else self.module
        with with_stand_ins(module) as traced:
            return export_program(traced, self._to_hub_layout(self.example_inputs), self.description)

    def _to_hub_layout(self, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        pairs = zip(inputs, self._permuted, strict=True)
        return tuple(value.permute(0, 2, 3, 1).contiguous() if permuted else value for value, permuted in pairs)

    def _run_module(self, inputs: Sequence[torch.Tensor]) -> Any:
        try:
            with torch.no_grad(), quiet():
                return self.module(*inputs)
        except Exception as error:  # whatever the network's own code raises
            shapes = ", ".join(str(tuple(value.shape)) for value in inputs)
            raise SourceError(
                f"{self.description} fails on example inputs of shape {shapes}: {reason(error)}."
            ) from error

    def _check(self, path: Path) -> float:
        """Compare the hub with the module: on a sample of the data if there is one, the example inputs, seeded ones."""
        found = []
        sampled = self._sample()
        if sampled is not None:
            found.append(check_hub(path, *self._case(sampled), self.description))
        inputs, expected = self._case(self.example_inputs)
        if sampled is None or _are_finite(expected):
            found.append(check_hub(path, inputs, expected, self.description))
        example = dict(zip(self.input_names, (value.numpy() for value in self.example_inputs), strict=True))
        seeded = tuple(torch.from_numpy(value) for value in seeded_inputs(example).values())
        inputs, expected = self._case(seeded)
        if _are_finite(expected):
            found.append(check_hub(path, inputs, expected, self.description))
        return min(found)

    def _case(self, inputs: Sequence[torch.Tensor]) -> tuple[dict[str, NDArray[Any]], list[NDArray[Any]]]:
        hub_inputs = dict(zip(self.input_names, (value.numpy() for value in self._to_hub_layout(inputs)), strict=True))
        outputs = [value for value in tree_leaves(self._run_module(inputs)) if value is not None]
        return hub_inputs, [value.numpy() for value in outputs]


def checked_inputs(inputs: Sequence[torch.Tensor] | torch.Tensor, description: str) -> tuple[torch.Tensor, ...]:
    """Return copies of example inputs on the CPU; raises SourceError for anything but tensors."""
    values = (inputs,) if isinstance(inputs, torch.Tensor) else tuple(inputs)
    if not values or not all(isinstance(value, torch.Tensor) for value in values):
        raise SourceError(
            f"{description} needs example inputs: a tuple of tensors, one for each argument of forward()."
        )
    return tuple(value.detach().cpu().clone() for value in values)


def sampled_inputs(
    module: nn.Module, like: Sequence[torch.Tensor], input_layout: str, sample: SampleFor
) -> tuple[torch.Tensor, ...] | None:
    """Return inputs of the module from the user's data, of the shapes and types of `like`; None if there is no data."""
    return _sampled(forward_names(module, len(like)), like, _permuted(like, input_layout), sample)


def _permuted(inputs: Sequence[torch.Tensor], input_layout: str) -> list[bool]:
    return [input_layout == "nhwc" and value.ndim == 4 for value in inputs]


def _sampled(
    names: Sequence[str], like: Sequence[torch.Tensor], permuted: Sequence[bool], sample: SampleFor
) -> tuple[torch.Tensor, ...] | None:
    infos = [
        TensorInfo(name, _nhwc(value.shape) if permute else tuple(value.shape), value.numpy().dtype)
        for name, value, permute in zip(names, like, permuted, strict=True)
    ]
    arrays = sample(infos)
    if arrays is None:
        return None
    pairs = zip(names, permuted, strict=True)
    return tuple(torch.from_numpy(to_nchw(arrays[name]) if permute else arrays[name]) for name, permute in pairs)


def _nhwc(shape: Sequence[int]) -> tuple[int, ...]:
    return (shape[0], *shape[2:], shape[1])


def _are_finite(values: Sequence[NDArray[Any]]) -> bool:
    return all(np.isfinite(value).all() for value in values)


def _snapshot(module: nn.Module, description: str) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise SourceError(f"{type(module).__name__} is not a torch.nn.Module: give the network itself.")
    try:
        with quiet():
            snapshot = copy.deepcopy(module).cpu().requires_grad_(False)
    except Exception as error:  # deepcopy runs code of the network's own
        raise SourceError(f"{description} cannot be copied: {reason(error)}.") from error
    if not isinstance(snapshot, torch.fx.GraphModule):
        snapshot.eval()
    return snapshot


def forward_names(module: nn.Module, count: int) -> list[str]:
    """Return the names of forward()'s first `count` parameters; those of *args get a number."""
    names: list[str] = []
    for parameter in inspect.signature(module.forward).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            break
        if parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return [*names, *(f"input_{index}" for index in range(len(names), count))][:count]
