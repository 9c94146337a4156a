"""Outputs that look like the next value of an input: a network keeps its state so, outside."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...


T = TypeVar("T", bound=_Named)

_OF_TIME = frozenset(
    (
        *("i", "o", "n", "t", "in", "out", "input", "output", "old", "new", "last", "next", "prev", "previous"),
        *("past", "present", "cur", "current", "init", "initial", "final", "updated"),
    )
)
"""What names say of which of two steps a state is from: h_in and h_out, state and stateN, r1i and r1o."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")

_ONE_LETTER = re.compile(r"([a-z])(?:n|in|out|new|next|prev)")
"""A state of one letter with such a word right behind it: hn, cout."""

_SIDE = 8
"""Of the sizes of an image two are so large."""


def states(inputs: Sequence[T], outputs: Sequence[T]) -> list[tuple[T, T]]:
    """Return inputs with the outputs that are their next values, in the inputs' order.

    These have one shape, and a name that differs in what tells two steps apart. Where names do not tell, they are the
    only input and the only output of their shape, and neither the first input, which a step is mostly about, nor an
    image: what a network makes of these is no state. Something is what a step is about: where all inputs would be
    states it is those whose names did not tell, or else, as of a left and a right camera, the first and its like.
    """
    if len(inputs) < 2 or len(outputs) < 2:
        return []
    named = {
        **_joined(inputs, outputs, _called_without_numbers),
        **_joined(inputs, outputs, _called),
    }
    alike = _joined(inputs, outputs, _not_an_image)
    if 0 not in named:
        alike.pop(0, None)
    found = alike | named
    if all(i in found or set(one.shape) <= {1} for i, one in enumerate(inputs)):
        is_no_state = alike.keys() - named or {i for i, one in enumerate(inputs) if one.shape == inputs[0].shape}
        found = {i: after for i, after in found.items() if i not in is_no_state}
    return [(inputs[i], outputs[found[i]]) for i in sorted(found)]


def _joined(
    inputs: Sequence[_Named], outputs: Sequence[_Named], key: Callable[[_Named], Hashable | None]
) -> dict[int, int]:
    """Return the places of inputs with those of the outputs of the same shape and key, where no other has these."""
    before, after = _only_ones(inputs, key), _only_ones(outputs, key)
    return {place: after[both] for both, place in before.items() if both in after}


def _only_ones(ones: Sequence[_Named], key: Callable[[_Named], Hashable | None]) -> dict[Hashable, int]:
    keyed = [((one.shape, found), place) for place, one in enumerate(ones) if (found := key(one)) is not None]
    counts = Counter(both for both, _ in keyed)
    return {both: place for both, place in keyed if counts[both] == 1}


def _called(one: _Named) -> tuple[str, ...] | None:
    """Return the words of a name but for those of time, such as ("h", "1") of h1_out; None if no letter is left."""
    words = [word.lower() for word in _WORDS.findall(one.name)]
    letters = [match[1] if (match := _ONE_LETTER.fullmatch(word)) else word for word in words if word not in _OF_TIME]
    return tuple(letters) if any(not word.isdigit() for word in letters) else None


def _called_without_numbers(one: _Named) -> tuple[str, ...] | None:
    """Return the same without numbers, which may count steps: h0 and h1."""
    words = _called(one)
    return None if words is None else tuple(word for word in words if not word.isdigit())


def _not_an_image(one: _Named) -> Hashable | None:
    is_image = len(one.shape) == 4 and sum(size >= _SIDE for size in one.shape[1:]) >= 2
    return None if is_image else ()
