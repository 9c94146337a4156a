"""What a network and its hub are compared on: the user's data, or else random inputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError
from edgequant_converters._free_sizes import probe_shape

Arrays = dict[str, NDArray[Any]]
Case = tuple[Arrays, list[NDArray[Any]]]


class NotFiniteError(SourceError):
    """The network gives NaN or infinity on what it was tried on."""


def finite_case(
    infos: Sequence[TensorInfo],
    sampled: Mapping[str, NDArray[Any]] | None,
    run: Callable[[Arrays], list[NDArray[Any]]],
    name: str,
) -> Case:
    """Return inputs by name on which all of the network's outputs are finite, and these outputs.

    The inputs are `sampled`, or, without data, random ones. `run` runs the network; `name` is its name in messages.
    Raises NotFiniteError if an output is NaN or infinite, and what `run` raises.
    """
    for inputs in (_random(infos, positive) for positive in (False, True)) if sampled is None else (dict(sampled),):
        outputs = run(inputs)
        if all(np.isfinite(output).all() for output in outputs):
            return inputs, outputs
    if sampled is None:
        raise NotFiniteError(
            f"{name} gives NaN or infinity on random inputs, so no conversion can be checked: give calibration data."
        )
    raise NotFiniteError(f"{name} gives NaN or infinity on the first sample of the data: check both.")


def _random(infos: Sequence[TensorInfo], positive: bool) -> Arrays:
    return {info.name: _random_array(info, seed, positive) for seed, info in enumerate(infos)}


def _random_array(info: TensorInfo, seed: int, positive: bool) -> NDArray[Any]:
    """Return a random input: floats normal (or uniform in 0..1), integers 0 or 1, free sizes small."""
    shape, generator = probe_shape(info.shape), np.random.default_rng(seed)
    if np.issubdtype(info.dtype, np.floating):
        values = generator.uniform(size=shape) if positive else generator.normal(size=shape)
        return np.asarray(values).astype(info.dtype)
    return np.asarray(generator.integers(0, 2, shape)).astype(info.dtype)
