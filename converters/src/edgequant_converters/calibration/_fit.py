"""One model input and what a sample must be to fit it: shape, dtype, finite values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError


@dataclass(frozen=True, slots=True)
class InputFit:
    """Checks samples for one input and brings them to its dtype, with its batch axis.

    The shape rule: a sample has as many axes as the input (then it carries the batch axis, whose size must be the
    input's, or 1 where that is free) or one axis less (then it is one row of the batch). A free axis takes any size.
    """

    spec: TensorInfo

    @property
    def batch(self) -> int:
        """Rows the model takes at once; 1 if free, and 1 for an input without axes."""
        return self.spec.shape[0] if self.spec.shape and self.spec.shape[0] > 0 else 1

    @property
    def _whole(self) -> tuple[int, ...]:
        """The shape of what the model takes at once; a size that is free is -1."""
        return (self.batch, *self.spec.shape[1:]) if self.spec.shape else ()

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a sample of this shape fits."""
        wanted = self._whole if len(shape) == len(self._whole) else self._whole[1:]
        return len(shape) == len(wanted) and all(w in (-1, n) for n, w in zip(shape, wanted, strict=True))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise CalibrationError unless a sample of this shape fits."""
        if self.accepts(shape):
            return
        whole = self._whole
        batched = len(shape) == len(whole) and shape[1:] == whole[1:]
        hint = ": give its samples one by one" if batched else _swapped_layout_hint(shape, whole)
        raise CalibrationError(
            f"A sample for input '{self.spec.name}' has the shape {_axes(shape)}, but the model takes "
            f"{_axes(whole[1:])} per sample{hint}."
        )

    def check_dtype(self, dtype: np.dtype[Any]) -> None:
        """Raise CalibrationError unless values of this dtype can become the input's: see `convert`."""
        wanted = self.spec.dtype
        accepted = {"f": "fiub", "i": "iu", "u": "iu", "b": "biu"}.get(wanted.kind, "")
        if dtype.kind in accepted:
            return
        advice = "save whole numbers" if wanted.kind in "iu" and dtype.kind == "f" else "save numbers of that kind"
        raise CalibrationError(
            f"Input '{self.spec.name}' takes {wanted}, but the data holds {_kind(dtype)}: {advice} instead."
        )

    def convert(self, sample: Any, index: int) -> NDArray[Any]:
        """Return a copy of one sample in the input's dtype, C-contiguous, with a batch axis (of 1 if it had none).

        Floats of any width and integers become the input's float; integers become the input's integers if they are in
        its range. Raises CalibrationError, naming the sample by `index`, if it does not fit.
        """
        array = self._as_array(sample)
        self.check_dtype(array.dtype)
        self.check_shape(array.shape)
        if self.spec.dtype.kind == "f":
            converted = self._finite(array, index)
        else:
            self._check_range(array, index)
            converted = np.array(array, dtype=self.spec.dtype, order="C")
        return converted if converted.ndim == len(self.spec.shape) else converted[np.newaxis]

    def _as_array(self, sample: Any) -> NDArray[Any]:
        try:
            return np.asarray(sample)
        except Exception as error:  # ragged lists, and whatever a foreign tensor class raises
            raise CalibrationError(
                f"A sample for input '{self.spec.name}' ({type(sample).__name__}) is not an array: {error}"
            ) from error

    def _finite(self, array: NDArray[Any], index: int) -> NDArray[Any]:
        with np.errstate(over="ignore"):
            converted = np.array(array, dtype=self.spec.dtype, order="C")
        if np.isfinite(converted).all():
            return converted
        if array.dtype.kind == "f" and np.isnan(array).any():
            found = "NaN"
        elif array.dtype.kind == "f" and np.isinf(array).any():
            found = "an infinite value"
        else:
            found = f"a value too large for {self.spec.dtype}"
        raise CalibrationError(
            f"Sample {index} (counted from 0) for input '{self.spec.name}' holds {found}: repair or drop the sample."
        )

    def _check_range(self, array: NDArray[Any], index: int) -> None:
        if self.spec.dtype == np.bool_:
            lowest, highest = 0, 1
        else:
            limits = np.iinfo(self.spec.dtype)
            lowest, highest = int(limits.min), int(limits.max)
        if array.size and not (lowest <= int(array.min()) and int(array.max()) <= highest):
            raise CalibrationError(
                f"Sample {index} (counted from 0) for input '{self.spec.name}' spans {array.min()} to {array.max()}, "
                f"but {self.spec.dtype} holds {lowest} to {highest}."
            )


def _axes(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join("any" if n < 0 else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def _swapped_layout_hint(found: tuple[int, ...], whole: tuple[int, ...]) -> str:
    """Say so if moving the channels of an image would make it fit."""
    wanted, sample = whole[1:], found[-3:]
    if len(wanted) != 3 or len(sample) != 3:
        return ""
    channels_last, channels_first = (*sample[1:], sample[0]), (sample[2], *sample[:2])
    if all(w in (-1, n) for n, w in zip(channels_last, wanted, strict=True)):
        return ": it looks like NCHW (channels first) where the model wants NHWC, so transpose it"
    if all(w in (-1, n) for n, w in zip(channels_first, wanted, strict=True)):
        return ": it looks like NHWC (channels last) where the model wants NCHW, so transpose it"
    return ""


def _kind(dtype: np.dtype[Any]) -> str:
    names = {"O": "Python objects", "U": "text", "S": "byte strings", "V": "records", "M": "dates", "m": "durations"}
    return names.get(dtype.kind, str(dtype))
