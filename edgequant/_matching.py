"""Which input and output of one model is which of another's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from ._data import in_words, rows_of
from ._errors import EdgequantError

IMAGE_AXES = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the reference and the one of the model that stands for the same values."""

    reference: TensorInfo
    model: TensorInfo

    @property
    def fits(self) -> bool:
        """Whether both take values of the same kind (real numbers, integers) and of a common shape."""
        return _kind(self.reference) == _kind(self.model) and _shapes_fit(self.reference.shape, self.model.shape)

    @property
    def tightened(self) -> TensorInfo:
        """The reference's tensor, with the sizes that only the model fixes."""
        sizes = zip(self.reference.shape, self.model.shape, strict=True)
        return self.reference._replace(shape=tuple(theirs if ours < 0 else ours for ours, theirs in sizes))

    def rows(self, expected: NDArray[Any], computed: NDArray[Any], batch: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return one run's outputs of both, samples first, in one shape; axes of size 1 may differ.

        Raises EdgequantError if the shapes differ otherwise.
        """
        if _without_ones(expected.shape) != _without_ones(computed.shape):
            raise EdgequantError(
                f"The output '{self.reference.name}' is {in_words(expected.shape)} in the reference, but "
                f"{in_words(computed.shape)} in the model, so their values cannot be compared."
            )
        return rows_of(expected, batch), rows_of(computed.reshape(expected.shape), batch)


def match_inputs(reference: Sequence[TensorInfo], model: Sequence[TensorInfo]) -> list[Pair]:
    """Match by name, or else by position, or else by shape if only one way fits; raises EdgequantError."""
    pairs = _match(reference, model, "input")
    for pair in pairs:
        if not pair.fits:
            raise EdgequantError(_misfit(pair))
    return pairs


def match_outputs(reference: Sequence[TensorInfo], model: Sequence[TensorInfo]) -> list[Pair]:
    """Match as `match_inputs` does; the shapes are looked at when the outputs are there."""
    return _match(reference, model, "output")


def _match(reference: Sequence[TensorInfo], model: Sequence[TensorInfo], kind: str) -> list[Pair]:
    if len(reference) != len(model):
        raise EdgequantError(
            f"The reference has {len(reference)} {kind}s and the model {len(model)}, so they cannot be compared."
        )
    by_name = {info.name: info for info in model}
    if by_name.keys() == {info.name for info in reference}:
        return [Pair(info, by_name[info.name]) for info in reference]
    by_position = [Pair(*both) for both in zip(reference, model, strict=True)]
    if all(pair.fits for pair in by_position):
        return by_position
    candidates = [[pair for pair in (Pair(ours, theirs) for theirs in model) if pair.fits] for ours in reference]
    by_shape = [fitting[0] for fitting in candidates if len(fitting) == 1]
    if len({pair.model.name for pair in by_shape}) == len(reference):
        return by_shape
    return by_position


def _misfit(pair: Pair) -> str:
    ours, theirs = pair.reference, pair.model
    sentence = (
        f"The input '{ours.name}' is {in_words(ours.shape)} {ours.dtype} in the reference, but "
        f"'{theirs.name}' is {in_words(theirs.shape)} {theirs.dtype} in the model"
    )
    if len(ours.shape) == IMAGE_AXES == len(theirs.shape):
        first, last = (0, 3, 1, 2), (0, 2, 3, 1)
        for order in (first, last):
            if _shapes_fit(tuple(ours.shape[axis] for axis in order), theirs.shape):
                return f"{sentence}: one takes NHWC images, the other NCHW: convert both with one --input-layout."
    return f"{sentence}: compare two models with the same inputs."


def _shapes_fit(ours: Sequence[int], theirs: Sequence[int]) -> bool:
    return len(ours) == len(theirs) and all(a == b or -1 in (a, b) for a, b in zip(ours, theirs, strict=True))


def _kind(info: TensorInfo) -> str:
    if info.is_quantized or info.dtype.kind == "f":
        return "real"
    return "boolean" if info.dtype.kind == "b" else "integer"


def _without_ones(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
