"""What a quantizer is asked to do, the same for both file formats."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._errors import UnsupportedError
from ._schemes import Scheme
from .calibration import RangeCollector

Sample = Mapping[str, NDArray[Any]]
"""One calibration sample: an array with the model's batch axis for every input, by the input's name."""

Ranges = Mapping[str, tuple[float, float]]
"""The smallest and largest value that each activation is to represent, by tensor name; empty where none is needed."""


class ActivationWatch(Protocol):
    """Runs a float hub and shows what it computes on the way.

    `outputs` are the tensors among these that the hub gives out, in its order; None if it gives out others too.
    """

    @property
    def outputs(self) -> Sequence[str] | None:
        """The tensors that the hub gives out."""
        ...

    def run(self, sample: Sample) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Run one sample; yield (tensor name, value) of every float activation."""
        ...


@dataclass(frozen=True, slots=True)
class Learned:
    """What training with quantization in the loop has fixed already, so that no calibration data is needed.

    On the `probes` every tensor of the hub is recognised: `collector()` is shown their values and answers with the
    learned ranges. `weight_bits` is 4 if the weights of some layers lie on a grid of -7..7, else 8.
    """

    probes: Sequence[Sample]
    collector: Callable[[], RangeCollector]
    weight_bits: int


EXAMPLES = 3
"""How many names of operators an error shows."""


@dataclass(frozen=True, slots=True)
class QuantizationRequest:
    """The choices that shape the quantized graph.

    `keep_float` is searched for in the type and in the name of every operator; those that match stay in float.
    `learned` takes the place of calibration. `strict`: whatever has an integer form gets it, even where that destroys a
    part of the outputs. `free_outputs`: outputs that one scale would destroy may stay in float. `as_it_was`: the source
    was quantized, and what LiteRT would put on another grid, or quantize anew, stays in float. `effort` 0 takes the
    ranges that `method` gives as they are; from 1 on ranges are chosen by measurement (if `method` is None) and biases
    make up for the rounding of weights.
    """

    scheme: Scheme
    method: str | None = None
    per_channel: bool = True
    keep_float: re.Pattern[str] | None = None
    learned: Learned | None = None
    strict: bool = False
    free_outputs: bool = False
    as_it_was: bool = False
    effort: int = 1

    def keeps_float(self, op_type: str, name: str) -> bool:
        """Tell whether `keep_float` asks for this operator to stay in float."""
        return self.keep_float is not None and any(self.keep_float.search(text) for text in (op_type, name))


def check_keep_float(expression: re.Pattern[str], operators: Iterable[tuple[str, str]]) -> None:
    """Raise UnsupportedError if the expression is found in no operator's type or name: it would change nothing."""
    known = list(operators)
    if any(expression.search(text) for operator in known for text in operator):
        return
    types = ", ".join(sorted({op_type for op_type, _ in known}))
    names = ", ".join(name for _, name in known[:EXAMPLES])
    raise UnsupportedError(
        f"'{expression.pattern}' matches no operator: nothing would be kept in float. The network's operators are of "
        f"the types {types}; their names are those of their outputs, such as {names}: `edgequant inspect --ops` on a "
        "written model lists them."
    )


def compile_keep_float(expression: str | None) -> re.Pattern[str] | None:
    """Compile the user's regular expression; raises UnsupportedError that shows where it is wrong."""
    if expression is None:
        return None
    if not expression:
        raise UnsupportedError("An empty expression would keep every operator in float; take fp32 for that.")
    try:
        return re.compile(expression)
    except re.error as error:
        raise UnsupportedError(f"'{expression}' is not a regular expression: {error}.") from None
