"""What a session needs of a data file, and what its outputs are over many samples."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import ArrayLike, NDArray

from ._errors import EdgequantError


def data_spec(info: TensorInfo, *, raw: bool = False) -> TensorInfo:
    """Return what a data file must hold for an input: real values for a quantized one, unless `raw`."""
    dtype = np.dtype(np.float32) if info.is_quantized and not raw else info.dtype
    return TensorInfo(info.name, info.shape, dtype)


def batch_size(sample: Mapping[str, NDArray[Any]]) -> int:
    """Return how many samples one run takes; an input with a single axis is taken to have no batch axis."""
    first = next(iter(sample.values()))
    return first.shape[0] if first.ndim > 1 else 1


def rows_of(output: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return one run's output with an axis of samples in front: its own batch axis, if it has one, or a new one."""
    has_batch_axis = output.ndim > 0 and output.shape[0] == batch
    return output if has_batch_axis else output[np.newaxis]


def is_class_scores(rows: NDArray[Any]) -> bool:
    """Tell whether rows (samples, ...) are one score for each of several classes."""
    return rows.ndim == 2 and rows.shape[1] > 1


def read_labels(labels: str | os.PathLike[str] | ArrayLike) -> NDArray[np.int64]:
    """Return one class index for each sample, from an array of integers or a .npy file of one.

    Raises EdgequantError if it is anything else.
    """
    if isinstance(labels, (str, os.PathLike)):
        path = Path(labels)
        return _checked_labels(_load_labels(path), path.name)
    try:
        return _checked_labels(np.asarray(labels), "The array of labels")
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists; tensors that are not in this memory
        raise EdgequantError("The labels are no array: give one integer class index for each sample.") from error


def _load_labels(path: Path) -> NDArray[Any]:
    try:
        labels = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise EdgequantError(f"There is no file {path}.") from error
    except (OSError, ValueError, EOFError) as error:
        raise EdgequantError(f"{path.name} is no .npy file: save the labels as an integer array.") from error
    if not isinstance(labels, np.ndarray):
        raise EdgequantError(f"{path.name} must hold integer class indices in one .npy array, but is a .npz archive.")
    return labels


def _checked_labels(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    if labels.dtype.kind not in "iu":
        raise EdgequantError(f"{name} must hold integer class indices, but it holds {labels.dtype}.")
    if labels.ndim != 1:
        raise EdgequantError(f"{name} must hold one label for each sample, but its shape is {labels.shape}.")
    return labels.astype(np.int64)


def check_label_count(labels: NDArray[np.int64], samples: int) -> None:
    """Raise EdgequantError unless there is a label for each sample."""
    if len(labels) != samples:
        raise EdgequantError(f"There are {len(labels)} labels for {samples} samples: give one label for each sample.")


def check_labels(labels: NDArray[np.int64], samples: int, classes: int) -> None:
    """Raise EdgequantError unless there is a label for each sample and each names a class."""
    check_label_count(labels, samples)
    if labels.min() < 0 or labels.max() >= classes:
        raise EdgequantError(
            f"The labels go from {labels.min()} to {labels.max()}, but the model has the classes 0 to {classes - 1}."
        )


def in_words(shape: Sequence[int]) -> str:
    """Return a shape as 1x32x32x3, with ? for a free size."""
    return "x".join("?" if size < 0 else str(size) for size in shape) or "scalar"
