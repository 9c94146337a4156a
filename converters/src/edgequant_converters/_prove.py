"""Whether what was chosen on one file format does the same in another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ._choose import STRETCHES, WORTH_DB, Choice, KeepFirst, Pick, Step, Write
from ._measure import FloatHub, Reference
from ._request import Ranges
from .calibration import Evidence


@dataclass(frozen=True, slots=True)
class Draft:
    """A file, what writes it, and what says how many operators that would leave in float with these ranges."""

    output: Path
    write: Write
    in_float: Callable[[Ranges], int]


def proven(hub: FloatHub, own: Draft, spare: Draft, evidence: Evidence, fit: KeepFirst, choice: Choice) -> Choice:
    """Return a choice that was made on another file format, or plain ranges where it is worse in this one.

    It was found to be better than those there, and is taken unseen to be so here where it gives what it gave: on the
    first third of the samples in `fit`, which it was chosen on, less by no more than WORTH_DB, and no more in float.
    Else both are measured. The model of what is returned is left in `own`; `spare` is for the other.
    """
    method = evidence.methods[0]
    plain = replace(choice, pick=Pick((method,) * len(STRETCHES)))
    if choice.pick.is_plain(method):
        plain.write(own.write, evidence)
        return plain
    reference = Reference(hub, fit.kept, fit.answers or None)
    more = choice.write(own.write, evidence) > own.in_float(evidence.choices()[method])
    found, samples = reference.on_first_third(own.output)
    steps = [Step("what was chosen, on the .tflite", choice.first_third_db, True, samples)]
    holds = found >= choice.first_third_db - WORTH_DB and not more
    if not holds:
        plain.write(spare.write, evidence)
        least, _ = reference.on_first_third(spare.output)
        holds = found > least - WORTH_DB and not more
        steps.append(Step(f"{method} ranges, as they are written", least, not holds, samples))
    if not holds:
        plain.write(own.write, evidence)
    steps.append(Step("what was chosen, as it is written", found, holds, samples))
    return replace(choice if holds else plain, steps=(*choice.steps, *steps))
