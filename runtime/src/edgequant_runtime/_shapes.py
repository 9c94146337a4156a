"""The shapes of inputs: what the model leaves free, what a caller asks for, and whether they fit."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ._errors import InputError

if TYPE_CHECKING:
    from ._tensor_info import TensorInfo

    InputShapes = Mapping[str, Sequence[int]]


def first_shapes(infos: Sequence[TensorInfo], wanted: InputShapes | None) -> list[tuple[int, ...]]:
    """Return the shapes that inputs begin with: 1 where a size is free and `wanted` names no other.

    Raises InputError if `wanted` has the name of no input, or a shape that the input cannot have.
    """
    wanted = {} if wanted is None else by_input(wanted)
    names = [info.name for info in infos]
    unknown = [str(name) for name in wanted if name not in names]
    if unknown:
        raise InputError(f"There is no input {quoted(unknown)} to give a shape: the model has {quoted(names)}.")
    return [_first_shape(info, wanted.get(info.name)) for info in infos]


def by_input(wanted: InputShapes) -> dict[str, tuple[int, ...]]:
    """Return shapes by name as plain values; raises InputError if they are anything else."""
    if not isinstance(wanted, Mapping):
        raise InputError(f"Shapes of inputs are given by name, as {{'name': (1, 16000)}}, not as {wanted!r}.")
    return {str(name): _plain(str(name), shape) for name, shape in wanted.items()}


def check_shape(shape: tuple[int, ...], info: TensorInfo) -> None:
    """Raise InputError unless the input `info` can have this shape."""
    fits = len(shape) == len(info.shape) and all(
        size == wanted or (wanted == -1 and size > 0) for size, wanted in zip(shape, info.shape)
    )
    if not fits:
        free = "; -1 is any size from 1 up" if -1 in info.shape else ""
        raise InputError(f"The input '{info.name}' has the shape {shape}, but the model takes {info.shape}{free}.")


def free_size_hint(infos: Sequence[TensorInfo]) -> str:
    """Return what to add to the refusal of a model whose free sizes were 1; nothing if it has none."""
    free = [f"'{info.name}' {info.shape}" for info in infos if -1 in info.shape]
    if not free:
        return ""
    return (
        f" (with 1 where sizes are free: -1 in {', '.join(free)}; give others with input_shapes in Python, or "
        "with --input-shape of edgequant run, bench, compare or bundle)"
    )


def quoted(names: Sequence[str]) -> str:
    """Return names as a sentence has them."""
    return ", ".join(f"'{name}'" for name in names)


def _first_shape(info: TensorInfo, wanted: tuple[int, ...] | None) -> tuple[int, ...]:
    if wanted is None:
        return tuple(1 if size < 0 else size for size in info.shape)
    check_shape(wanted, info)
    return wanted


def _plain(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(operator.index(size) for size in shape)
    except TypeError as error:
        raise InputError(f"The shape of the input '{name}' is a row of integers, not {shape!r}.") from error
