"""Inputs that exercise a model, and the outputs that it must give: computed here, demanded of the board."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgequant_runtime import SessionError, TensorInfo, quantize
from edgequant_runtime.isolation import current_process
from numpy.typing import NDArray

from edgequant._data import data_spec

from ._errors import BundleError
from ._golden_files import Arrays, bytes_of
from ._ranges import input_ranges

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing

Samples = str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any]


def golden_inputs(
    model: Path,
    engine: str,
    samples: Samples | None,
    count: int,
    seed: int,
    images: "ImagePreprocessing | None" = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> Iterator[tuple[str, Arrays]]:
    """Yield kinds and inputs in the model's own types: `count` samples, or random ones without them, and the extremes.

    No two are the same. Indices (integers that stand for themselves) are 0 where the user gave none: always valid.
    `shapes` are those of made inputs, by name, where the model leaves sizes free; 1 for the others.
    """
    session = current_process().open(model, engine=engine, threads=1, input_shapes=shapes)
    _check_names([info.name for info in session.inputs])
    _check_names([info.name for info in session.outputs])
    taken = None if samples is None else list(_samples(session.inputs, samples, count, images))
    seen: set[str] = set()
    pairs = zip(session.inputs, session.first_shapes, strict=True)
    shaped = [info._replace(shape=shape) for info, shape in pairs]
    for kind, inputs in _candidates(model, shaped, taken, count, seed):
        digest = hashlib.sha256(b"".join(bytes_of(inputs[info.name]) for info in session.inputs)).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield kind, inputs


def _candidates(
    model: Path, infos: Sequence[TensorInfo], samples: Sequence[Arrays] | None, count: int, seed: int
) -> Iterator[tuple[str, Arrays]]:
    ranges = input_ranges(model, infos, samples or ())
    if samples is None:
        generator = np.random.default_rng(seed)
        for _ in range(count):
            yield "random", {info.name: _random(info, ranges[info.name], generator) for info in infos}
    for sample in samples or ():
        yield "sample", sample
    for kind, fill in _EXTREMES.items():
        yield kind, {info.name: fill(info, ranges[info.name]) for info in infos}


def _check_names(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise BundleError(f"Inputs or outputs of the model have one name ({', '.join(names)}): give each its own.")


def _samples(
    infos: Iterable[TensorInfo], samples: Samples, count: int, images: "ImagePreprocessing | None"
) -> Iterator[Arrays]:
    """Yield the first samples, quantized as a session does it."""
    from edgequant_converters.calibration import open_data

    infos = list(infos)
    for sample in islice(open_data(samples, [data_spec(info) for info in infos], images=images), count):
        yield {i.name: quantize(sample[i.name], i) if i.is_quantized else sample[i.name] for i in infos}


# ---- made inputs ----

Range = tuple[float, float]


def _random(info: TensorInfo, bounds: Range, generator: np.random.Generator) -> NDArray[Any]:
    if info.dtype.kind == "f":
        return generator.uniform(*bounds, info.shape).astype(info.dtype)
    lowest, highest = map(int, bounds)
    return generator.integers(lowest, highest, info.shape, endpoint=True).astype(info.dtype)


def _filled(info: TensorInfo, value: float) -> NDArray[Any]:
    return np.full(info.shape, value, info.dtype)


def _zero(info: TensorInfo, bounds: Range) -> NDArray[Any]:
    return _filled(info, info.zero_point or 0)


def _alternating(info: TensorInfo, bounds: Range) -> NDArray[Any]:
    values = _filled(info, bounds[0])
    values.reshape(-1)[1::2] = bounds[1]
    return values


_EXTREMES: dict[str, Callable[[TensorInfo, Range], NDArray[Any]]] = {
    "lowest": lambda info, bounds: _filled(info, bounds[0]),
    "highest": lambda info, bounds: _filled(info, bounds[1]),
    "zero": _zero,
    "alternating": _alternating,
}


# ---- outputs ----


def compute_outputs(model: Path, engine: str, inputs: Arrays) -> Arrays:
    """Return the raw outputs of one inference from the model's initial state; raises SessionError."""
    # A session of its own: models with variables remember what they saw before.
    shapes = {name: values.shape for name, values in inputs.items()}
    return current_process().open(model, engine=engine, threads=1, input_shapes=shapes).run(inputs, raw=True)


def litert_disagrees(model: Path, inputs: Arrays, outputs: Arrays) -> bool:
    """Tell whether LiteRT gives other values (floats: by more than a rounding); False where it is not installed."""
    try:
        theirs = compute_outputs(model, "litert", inputs)
    except SessionError:
        return False
    return not all(_is_same(theirs[name], output) for name, output in outputs.items())


def _is_same(theirs: NDArray[Any], ours: NDArray[Any]) -> bool:
    if theirs.shape != ours.shape or ours.dtype.kind != "f":
        return np.array_equal(theirs, ours)
    return bool((np.abs(theirs - ours) <= 1e-5 * np.abs(ours).max(initial=0)).all())


def not_finite(outputs: Arrays) -> str | None:
    """Return the name of an output that is not finite: NaN has different bits on different processors."""
    return next((name for name, o in outputs.items() if o.dtype.kind == "f" and not np.isfinite(o).all()), None)
