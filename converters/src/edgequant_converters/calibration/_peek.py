"""A first look at the data, before it calibrates: what a network is tried on should be what it was made for."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from ._data import open_data
from ._images import ImagePreprocessing

SampleFor = Callable[[Sequence[TensorInfo]], Mapping[str, NDArray[Any]] | None]
"""Given a model's inputs, one run's arrays for them from the user's data; None if there is no data."""


def no_sample(inputs: Sequence[TensorInfo]) -> None:
    """Say that there is no data."""


def peek(
    source: str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any] | None, images: ImagePreprocessing | None
) -> tuple[SampleFor, Any]:
    """Return what takes a first sample from the data (see `open_data`), and the data as if none had been taken.

    Of a generator only what the first sample needs is drawn, and kept until the data is read.
    """
    if source is None:
        return no_sample, None
    first: Any = source
    rest: Any = source
    if isinstance(source, Iterator):
        drawn: list[Any] = []
        first, rest = _Drawing(source, drawn), _after(drawn, source)

    def sample(inputs: Sequence[TensorInfo]) -> Mapping[str, NDArray[Any]]:
        return next(iter(open_data(first, inputs, images=images)))

    return sample, rest


class _Drawing:
    """What was drawn from an iterator so far, then more of it."""

    def __init__(self, iterator: Iterator[Any], drawn: list[Any]) -> None:
        self._iterator, self._drawn = iterator, drawn

    def __iter__(self) -> Iterator[Any]:
        yield from self._drawn
        for item in self._iterator:
            self._drawn.append(item)
            yield item


def _after(drawn: list[Any], iterator: Iterator[Any]) -> Iterator[Any]:
    while drawn:
        yield drawn.pop(0)
    yield from iterator
