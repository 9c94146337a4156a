"""Samples for a model from a file, a folder of images, or Python objects, checked and brought to the model's inputs."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError
from edgequant_converters._reason import reason

from ._arrays import ArraysInMemory, NpyFile, NpzFile
from ._fit import InputFit
from ._images import IMAGE_SUFFIXES, ImageFolder, ImagePreprocessing


class _Samples(Protocol):
    """Raw samples: one mapping of input name to array each, not yet converted."""

    @property
    def count(self) -> int | None: ...

    def __iter__(self) -> Iterator[Mapping[str, Any]]: ...


class DataSource:
    """Samples that fit a model; iterating yields one `{input name: array}` per run of the model.

    Each array is C-contiguous, a copy of its own, in the input's dtype and with its batch axis: of size 1 where the
    model's is 1 or free; of size N for a model with a fixed batch of N, whose runs take N samples each (the last
    samples are left out if they do not fill a batch).

    Files, folders, lists and arrays can be iterated again; a generator only once. Memory holds one run's samples.
    Iterating raises CalibrationError for a sample that does not fit, and if there are none.
    """

    def __init__(self, samples: _Samples, fits: Sequence[InputFit], description: str) -> None:
        self._samples = samples
        self._fits = fits
        self.description = description
        """What it is, for messages: a file's name, "Python data"."""

    @property
    def count(self) -> int | None:
        """Samples in all (rows, not runs, of a model with a fixed batch); None where only iterating can tell."""
        return self._samples.count

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        rows: list[dict[str, NDArray[Any]]] = []
        runs = 0
        index = -1
        for index, sample in enumerate(self._samples):
            rows.append({fit.spec.name: fit.convert(sample[fit.spec.name], index) for fit in self._fits})
            if len(rows) == self._rows_needed(rows[0]):
                yield _join(rows, index)
                rows = []
                runs += 1
        if index < 0:
            raise CalibrationError(f"{self.description} holds zero samples: give at least one.")
        if runs == 0:
            needed = self._rows_needed(rows[0])
            raise CalibrationError(
                f"{self.description} holds {index + 1} samples, but the model takes {needed} at once."
            )

    def _rows_needed(self, row: Mapping[str, NDArray[Any]]) -> int:
        """How many samples fill the model's batch: 1 if they carry the batch axis themselves."""
        needed = {fit.batch // row[fit.spec.name].shape[0] if fit.spec.shape else 1 for fit in self._fits}
        if len(needed) > 1:
            raise CalibrationError(
                "The inputs disagree on how many samples fill a batch: give every array with the model's batch axis."
            )
        return next(iter(needed))


def open_data(
    source: str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any],
    inputs: Sequence[TensorInfo],
    *,
    images: ImagePreprocessing | None = None,
) -> DataSource:
    """Open the data for a model's `inputs`; what a file's header can tell is checked here, values while iterating.

    `source` is one of
    - a path of a `.npy` (one input), or of a `.npz` (one array under any name for one input; else one per input name);
    - a path of an image or of a folder of images, with `images` saying how they become input arrays;
    - a numpy array (one input), or a mapping of input name to numpy array;
    - an iterable of samples: each an array (one input), a tuple of arrays in the inputs' order, or a mapping by name.

    The first axis of files, arrays and mappings counts samples. Samples have the input's shape without its batch axis,
    or with it. Values are in the model's own input range. Raises CalibrationError.
    """
    if not inputs:
        raise CalibrationError("The model has no inputs, so no data can be given to it.")
    fits = [InputFit(spec) for spec in inputs]
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return DataSource(_open_path(path, fits, images), fits, path.name)
    if images is not None:
        raise _unused_preprocessing()
    return DataSource(_open_object(source, fits), fits, "The data")


def _open_path(path: Path, fits: Sequence[InputFit], images: ImagePreprocessing | None) -> _Samples:
    if path.is_dir() or (path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()):
        return ImageFolder(path, fits, images)
    if not path.exists():
        raise CalibrationError(f"{path} does not exist: give a .npy or .npz file, or a folder of images.")
    readers: dict[str, type[NpyFile | NpzFile]] = {".npy": NpyFile, ".npz": NpzFile}
    if path.suffix.lower() in readers:
        if images is not None:
            raise _unused_preprocessing()
        return readers[path.suffix.lower()](path, fits)
    raise CalibrationError(
        f"{path.name} is not data that edgequant reads: give a .npy, a .npz, an image or a folder of images."
    )


def _unused_preprocessing() -> CalibrationError:
    return CalibrationError("Image preprocessing is given, but the data holds no images.")


def _open_object(source: Mapping[str, Any] | Iterable[Any], fits: Sequence[InputFit]) -> _Samples:
    if isinstance(source, np.ndarray):
        if len(fits) != 1:
            raise CalibrationError(f"One array is given, but the model has {len(fits)} inputs: give a mapping by name.")
        return ArraysInMemory({fits[0].spec.name: source}, fits)
    if isinstance(source, Mapping):
        _check_names(source, fits)
        return ArraysInMemory({name: _as_array(name, array) for name, array in source.items()}, fits)
    if not isinstance(source, Iterable):
        raise CalibrationError(
            f"Data of type {type(source).__name__} cannot be read: give a path, arrays, or an iterable of samples."
        )
    return _IterableSamples(source, fits)


def _as_array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists; tensors that need a gradient
        raise CalibrationError(f"The values for input '{name}' are no array: {reason(error)}.") from error


class _IterableSamples:
    """Any Python iterable; one that is its own iterator (a generator) can be used once."""

    def __init__(self, iterable: Iterable[Any], fits: Sequence[InputFit]) -> None:
        self._iterable, self._fits = iterable, fits
        self._spent = False
        self.count = len(iterable) if isinstance(iterable, Sized) else None

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        if self._spent:
            raise CalibrationError("The data is a generator that was used already: give a list or a file to reuse it.")
        iterator = iter(self._iterable)
        self._spent = iterator is self._iterable
        for index in count():
            try:
                item = next(iterator)
            except StopIteration:
                return
            except OSError as error:  # from the user's own loader; else it would pass for a failure to write
                raise CalibrationError(f"Sample {index} (counted from 0) cannot be read: {error}.") from error
            yield self._by_name(item)

    def _by_name(self, item: Any) -> Mapping[str, Any]:
        if isinstance(item, Mapping):
            _check_names(item, self._fits)
            return item
        if len(self._fits) == 1:
            alone = isinstance(item, tuple) and len(item) == 1
            return {self._fits[0].spec.name: item[0] if alone else item}
        if not isinstance(item, (tuple, list)) or len(item) != len(self._fits):
            found = f"{len(item)} arrays" if isinstance(item, (tuple, list)) else f"one {type(item).__name__}"
            raise CalibrationError(f"A sample is {found}, but the model has {len(self._fits)} inputs.")
        return {fit.spec.name: array for fit, array in zip(self._fits, item, strict=True)}


def _check_names(arrays: Mapping[str, Any], fits: Sequence[InputFit]) -> None:
    missing = [fit.spec.name for fit in fits if fit.spec.name not in arrays]
    if missing:
        raise CalibrationError(
            f"The data has no array named {', '.join(missing)}: it has {', '.join(map(str, arrays)) or 'none'}."
        )


def _join(rows: list[dict[str, NDArray[Any]]], last: int) -> dict[str, NDArray[Any]]:
    if len(rows) == 1:
        return rows[0]
    try:
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    except ValueError as error:
        raise CalibrationError(
            f"Samples {last - len(rows) + 1} to {last} have different shapes, so they cannot share a batch."
        ) from error
