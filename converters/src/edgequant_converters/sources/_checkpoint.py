"""Reading trained weights from a file without running code from it."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgequant_converters._errors import SourceError
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason

from ._pickled_module import find_pickled_module

StateDict = dict[str, torch.Tensor]

_NESTED_UNDER = ("state_dict", "model_state_dict", "model")
_PARALLEL_PREFIX = "module."  # what torch.nn.DataParallel puts before every key
_LISTED = 3


def read_state_dict(path: Path) -> StateDict:
    """Read the tensors of a safetensors file or of a torch checkpoint (plain, or under `state_dict` or `model`).

    Raises SourceError for a missing or damaged file and for one that holds anything but tensors and plain values: a
    pickle of other objects could run any code, and is never unpickled.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not a file: give the trained weights as safetensors or as a torch checkpoint.")
    values = _read_safetensors(path) if path.suffix == ".safetensors" else _read_checkpoint(path)
    for key in _NESTED_UNDER:
        if isinstance(values, dict) and isinstance(values.get(key), dict):
            values = values[key]
    if not isinstance(values, dict) or not values or not all(isinstance(v, torch.Tensor) for v in values.values()):
        raise SourceError(
            f"{path.name} holds no state_dict: save the weights with torch.save(model.state_dict(), file)."
        )
    if all(key.startswith(_PARALLEL_PREFIX) for key in values):
        values = {key.removeprefix(_PARALLEL_PREFIX): value for key, value in values.items()}
    return values


def load_weights(module: nn.Module, weights: StateDict, file_name: str) -> None:
    """Put the weights into the module; raises SourceError that lists the first keys that do not fit."""
    own = module.state_dict()
    missing = [key for key in own if key not in weights and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in weights if key not in own]
    shapes = [
        f"{key} ({_shape(value)} in the file, {_shape(own[key])} in the network)"
        for key, value in weights.items()
        if key in own and value.shape != own[key].shape
    ]
    problems = [
        f"{what} {_first(keys)}"
        for what, keys in (("missing:", missing), ("unexpected:", unexpected), ("of another shape:", shapes))
        if keys
    ]
    if problems:
        raise SourceError(f"{file_name} does not fit {type(module).__name__}; {'; '.join(problems)}.")
    module.load_state_dict(weights, strict=False)


def _read_safetensors(path: Path) -> StateDict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: StateDict = load_file(path)
    except (SafetensorError, OSError) as error:
        raise SourceError(f"{path.name} is not a whole safetensors file: {reason(error)}.") from error
    return tensors


def _read_checkpoint(path: Path) -> Any:
    try:
        with quiet():
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # UnpicklingError, EOFError, RuntimeError from the zip reader, KeyError ...
        if isinstance(error, pickle.UnpicklingError) and (module := find_pickled_module(path)):
            key = "" if module.key is None else f"[{module.key!r}]"
            raise SourceError(
                f"{path.name} holds a pickled {module.class_name}, which could run any code and is not loaded: if you "
                f"trust the file, load it with model = torch.load({path.name!r}, weights_only=False){key} where that "
                "class is installed, and save its weights alone, with torch.save(model.state_dict(), 'weights.pt')."
            ) from error
        if isinstance(error, pickle.UnpicklingError) and _is_pickle(path):
            raise SourceError(
                f"{path.name} holds pickled Python objects, which could run any code and are not loaded: save the "
                "weights alone, with torch.save(model.state_dict(), file)."
            ) from error
        raise SourceError(
            f"{path.name} is not a torch checkpoint, or is cut short: save the weights with "
            "torch.save(model.state_dict(), file)."
        ) from error


def _is_pickle(path: Path) -> bool:
    """Tell whether it is a pickle at least in form: torch's zip archive around one, or one as it is."""
    with path.open("rb") as file:
        return zipfile.is_zipfile(path) or file.read(1) == b"\x80"  # the opcode of pickle protocol 2 and newer


def _first(keys: list[str]) -> str:
    more = len(keys) - _LISTED
    return ", ".join(keys[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "scalar"
