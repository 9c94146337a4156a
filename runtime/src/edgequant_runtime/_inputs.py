"""Checking what a caller passes to a session, and turning it into what the model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import InputError
from ._quantization import quantize
from ._shapes import check_shape, quoted
from ._tensor_info import TensorInfo

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_KIND_NAMES = {"f": "floats", "i": "integers", "u": "integers", "b": "booleans"}


def by_name(inputs: ArrayLike | Mapping[str, ArrayLike], infos: Sequence[TensorInfo]) -> list[NDArray[Any]]:
    """Return one array for each input, in the model's order; raises InputError if names are missing or unknown."""
    if len(infos) == 1 and type(inputs) is np.ndarray and inputs.dtype.kind in _KIND_NAMES:
        return [inputs]  # the usual case, which small networks would notice the rest of
    names = [info.name for info in infos]
    if names and type(inputs) is dict and [*inputs] == names:
        return [_array(values, name) for name, values in inputs.items()]
    if not infos and (not isinstance(inputs, Mapping) or inputs):
        raise InputError("The model has no inputs: give it an empty mapping, {}.")
    if not isinstance(inputs, Mapping):
        if len(infos) != 1:
            raise InputError(f"The model has {len(infos)} inputs: give arrays by name for {quoted(names)}.")
        return [_array(inputs, names[0])]
    unknown = [str(name) for name in inputs if name not in names]
    missing = [name for name in names if name not in inputs]
    if unknown:
        raise InputError(f"There is no input {quoted(unknown)}: the model has {quoted(names)}.")
    if missing:
        raise InputError(f"The input {quoted(missing)} is missing: the model has {quoted(names)}.")
    return [_array(inputs[name], name) for name in names]


def model_values(values: NDArray[Any], info: TensorInfo, raw: bool) -> NDArray[Any]:
    """Return `values` in the model's own type, quantized if need be; raises InputError if they do not fit."""
    check_shape(values.shape, info)
    if raw:
        if values.dtype is not info.dtype and values.dtype != info.dtype:
            raise InputError(f"The input '{info.name}' is {info.dtype}, not {values.dtype}: raw=True converts nothing.")
        return values
    if info.is_quantized:
        if values.dtype.kind != "f":
            raise InputError(
                f"The quantized input '{info.name}' takes real values as floats, not {values.dtype}: "
                f"cast them, or pass raw=True if they are the model's own {info.dtype} integers."
            )
        return quantize(values, info)
    return _cast(values, info)


def _cast(values: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    wanted, given = _KIND_NAMES[info.dtype.kind], _KIND_NAMES[values.dtype.kind]
    if wanted != given:
        raise InputError(f"The input '{info.name}' takes {wanted} ({info.dtype}), not {values.dtype}.")
    if wanted != "integers":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinity
            return values.astype(info.dtype, copy=False)
    limits = np.iinfo(info.dtype)
    if values.size and (int(values.min()) < limits.min or int(values.max()) > limits.max):
        raise InputError(f"The input '{info.name}' has values that {info.dtype} cannot hold.")
    return values.astype(info.dtype, copy=False)


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists; tensors that are not in this memory
        raise InputError(f"The input '{name}' is no array of numbers: {error}.") from error
    if array.dtype.kind not in _KIND_NAMES:
        raise InputError(f"The input '{name}' is no array of numbers: its type is {array.dtype}.")
    return array
