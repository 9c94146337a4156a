"""A .pt2 file, written by torch.export.save, as a source."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from edgequant_converters._errors import SourceError
from edgequant_converters._quiet import quiet
from edgequant_converters.calibration import SampleFor

from ._pt2_archive import write_checked_archive
from ._pt2_program import RefusedError
from ._quantized_program import QuantizedProgram, as_quantized, know_quantized_operators
from ._torch import TorchSource

_DROPOUTS = {torch.ops.aten.dropout.default, torch.ops.aten.feature_dropout.default}
_TRAINING_ARGUMENT = dict.fromkeys(_DROPOUTS, 2) | {torch.ops.aten.batch_norm.default: 5}


def open_exported_program(path: Path, input_layout: str, sample: SampleFor) -> TorchSource | QuantizedProgram:
    """Read a .pt2; its example inputs, which torch.export.save keeps, fix the shapes of the written model."""
    program = _load(path)
    _refuse_training_mode(program, path)
    if program.example_inputs is None:
        raise SourceError(
            f"{path.name} holds no example inputs: save it again with torch.export.save(torch.export.export(model, "
            "inputs), file), and leave its example_inputs as they are."
        )
    leaves, structure = tree_flatten(program.example_inputs)
    module: nn.Module = program.module(check_guards=False)
    if not _is_flat(program.example_inputs):
        module = _Flattened(module, leaves, structure)
    names = [name for name, leaf in zip(program.graph_signature.user_inputs, leaves, strict=True) if _is_tensor(leaf)]
    source = TorchSource(
        module,
        [leaf for leaf in leaves if _is_tensor(leaf)],
        description=f"{path.name} (torch exported program)",
        input_names=[str(name) for name in names],
        input_layout=input_layout,
        sample=sample,
    )
    return as_quantized(source, input_layout, sample)


class _Flattened(nn.Module):
    """A program that takes keyword arguments, lists or constants, with its tensors as positional arguments."""

    def __init__(self, wrapped: nn.Module, leaves: Sequence[Any], structure: TreeSpec) -> None:
        super().__init__()
        self.wrapped = wrapped
        self._leaves = [None if _is_tensor(leaf) else leaf for leaf in leaves]
        self._is_tensor = [_is_tensor(leaf) for leaf in leaves]
        self._structure = structure

    def forward(self, *tensors: torch.Tensor) -> Any:
        remaining = iter(tensors)
        pairs = zip(self._leaves, self._is_tensor, strict=True)
        leaves = [next(remaining) if is_tensor else leaf for leaf, is_tensor in pairs]
        args, kwargs = tree_unflatten(leaves, self._structure)
        return self.wrapped(*args, **kwargs)


def _load(path: Path) -> ExportedProgram:
    if not path.is_file():
        raise SourceError(f"{path} is not a file: give a .pt2 written by torch.export.save.")
    try:
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder, quiet(), _pickles_refused():
            checked = Path(folder, "checked.pt2")
            write_checked_archive(path, checked)
            know_quantized_operators()
            return torch.export.load(checked)
    except RefusedError as error:
        raise SourceError(
            f"{path.name} is not read, since it holds {error}, which no exported program of standard PyTorch operators "
            "has and which could run code: save it again with torch.export.save, without custom operators or objects."
        ) from error
    except Exception as error:  # zip, JSON, schema and pickle errors, KeyError, RecursionError ...
        raise SourceError(
            f"{path.name} is no exported program that this PyTorch can read: it is damaged, cut short, holds pickled "
            "objects, or was not written by torch.export.save."
        ) from error


@contextmanager
def _pickles_refused() -> Iterator[None]:
    """Hold torch.load to weights_only.

    torch.export.load falls back to full unpickling, and so to running a stranger's code, when a part of the file is
    not plain tensors.
    """
    variable = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(variable)
    os.environ[variable] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def _refuse_training_mode(program: ExportedProgram, path: Path) -> None:
    for node in program.graph.nodes:
        index = _TRAINING_ARGUMENT.get(node.target)
        if index is not None and len(node.args) > index and node.args[index] is True:
            raise SourceError(
                f"{path.name} was exported in training mode: call model.eval() before torch.export.export."
            )


def _is_flat(example_inputs: tuple[tuple[Any, ...], dict[str, Any]]) -> bool:
    args, kwargs = example_inputs
    return not kwargs and all(_is_tensor(value) for value in args)


def _is_tensor(value: object) -> bool:
    return isinstance(value, torch.Tensor)
