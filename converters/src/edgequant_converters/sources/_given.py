"""A trained network as a user gives it, before anything is known of its kind."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Given:
    """A network or its place, and what its kind may have to be told; the fields are the arguments of `convert`."""

    source: Any
    example_inputs: Sequence[Any] | None = None
    weights: str | os.PathLike[str] | None = None
    input_shapes: Sequence[str] = ()
    input_values: Sequence[str] = ()
    input_layout: str | None = None
