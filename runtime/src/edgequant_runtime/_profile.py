"""What a session measured of its own steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfileStep:
    """One step of a model: an operator, or several that are computed together.

    `operators` names them, such as "CONV_2D" or "PAD+CONV_2D"; `first_operator` is the place of the first in the
    model. `nanoseconds` is the time of all `runs` together; `macs` counts the multiply-accumulates of one run, 0 where
    there are none.
    """

    operators: str
    first_operator: int
    runs: int
    nanoseconds: int
    macs: int

    @property
    def microseconds(self) -> float:
        """The mean time of one run."""
        return self.nanoseconds / self.runs / 1e3 if self.runs else 0.0
