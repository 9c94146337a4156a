"""`package.module:factory`, the code that builds a network, with its trained weights in a file, as a source."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgequant_converters._errors import SourceError
from edgequant_converters._reason import reason
from edgequant_converters.calibration import SampleFor

from ._checkpoint import load_weights, read_state_dict
from ._torch import TorchSource, sampled_inputs

_DTYPES = {
    "float32": torch.float32, "float64": torch.float64, "int64": torch.int64, "int32": torch.int32,
    "uint8": torch.uint8, "bool": torch.bool,
}  # fmt: skip


def open_factory(
    spec: str, weights: Path | None, input_shapes: Sequence[str], input_layout: str, sample: SampleFor
) -> TorchSource:
    """Build the network, load its weights, and take example inputs of the given shapes from the data, or make some."""
    if not input_shapes:
        raise SourceError(f"{spec} needs the shape of each input, such as --input-shape 1,3,224,224.")
    inputs = [_example(text, seed) for seed, text in enumerate(input_shapes)]
    module = _build(spec)
    if weights is not None:
        load_weights(module, read_state_dict(weights), weights.name)
    examples = sampled_inputs(module, inputs, input_layout, sample) or inputs
    return TorchSource(module, examples, description=f"{spec} (torch module)", input_layout=input_layout)


def _build(spec: str) -> nn.Module:
    module_name, _, attribute = spec.partition(":")
    with _working_directory_importable():
        target = _import(module_name, spec)
        for part in attribute.split("."):
            if not hasattr(target, part):
                raise SourceError(f"{spec}: {module_name} has no '{attribute}'; check the part after the colon.")
            target = getattr(target, part)
        built = target if isinstance(target, nn.Module) else _call(target, spec)
    if not isinstance(built, nn.Module):
        raise SourceError(f"{spec} returned a {type(built).__name__} where a torch.nn.Module is needed.")
    return built


def _import(name: str, spec: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise SourceError(f"{spec}: importing {name} failed, as there is no module named {error.name}.") from error
        raise SourceError(
            f"{spec}: there is no module named {error.name}; run from the folder that holds it, or install it."
        ) from error
    except (Exception, SystemExit) as error:  # the user's own code
        raise SourceError(f"{spec}: importing {name} failed with {type(error).__name__}: {reason(error)}.") from error


def _call(factory: Any, spec: str) -> Any:
    if not callable(factory):
        raise SourceError(f"{spec} is a {type(factory).__name__}, not a function or class that builds a network.")
    try:
        return factory()
    except (Exception, SystemExit) as error:  # the user's own code
        raise SourceError(
            f"{spec} failed with {type(error).__name__}: {reason(error)}; it must build the network without arguments."
        ) from error


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    directory = str(Path.cwd())
    sys.path.insert(0, directory)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(directory)


def _example(text: str, seed: int) -> torch.Tensor:
    """Return an example for a shape such as `1,3,224,224` or `1,16:int64`; floats are normal, integers 0 or 1."""
    sizes, _, dtype_name = text.partition(":")
    dtype = _DTYPES.get(dtype_name or "float32")
    try:
        shape = [int(size) for size in sizes.split(",")]
    except ValueError:
        shape = [0]
    if dtype is None or min(shape) < 1:
        raise SourceError(
            f"'{text}' is not an input shape: give sizes such as 1,3,224,224, and a type after a colon if it is not "
            f"float32 ({', '.join(list(_DTYPES)[1:])})."
        )
    generator = torch.Generator().manual_seed(seed)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)
