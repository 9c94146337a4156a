"""The techniques, in the order in which they are tried: structure first, ranges next, corrections of int8 last."""

from collections.abc import Callable

from edgequant_converters._errors import SourceError, UnsupportedError

from ._case import Candidate, Case
from ._corrections import round_weights, shift_biases
from ._dead_channels import silence
from ._diagnosis import short
from ._edits import Edit
from ._equalize import ALPHAS, channel_groups, equalize
from ._mixed_outputs import MixedOutput
from ._mixed_precision import Limits, widen_layer
from ._ranges import METHODS
from ._relu6 import unclip
from ._saturation import saturated_ranges
from ._treatment import LitertWorkshop, Ranges, Tick, Treatment

TRIALS = 64
"""How many ranges of single tensors are tried, at most."""


def split_outputs(case: Case, mixed: list[MixedOutput]) -> None:
    """Split outputs whose parts have very different ranges; `mixed` are those found."""
    workshop = _litert(case)
    edits = tuple(output.edit for output in reversed(mixed) if output.edit is not None)
    names = ", ".join(f"'{output.name}'" for output in mixed if output.edit is not None)
    what = f"{names} split, so that each part has a scale of its own"
    blocked = [f"'{output.name}' is made by {output.made_by}, which cannot be split" for output in mixed]
    case.try_out(
        "split outputs",
        [Candidate(what, workshop.plain((*case.treatment.edits, *edits)))] if edits else [],
        "; ".join(blocked) or "no output has parts of very different ranges",
    )


def silence_dead_channels(case: Case) -> None:
    """Set weights to zero that only ever meet zeros."""
    workshop, edits = _litert(case), case.treatment.edits
    found = silence(workshop.network(edits), workshop.statistics(edits))
    what = f"weights that read always-zero channels set to zero (layers: {len(found)})"
    candidates = [Candidate(what, workshop.plain((*edits, *found)))] if found else []
    case.try_out("dead channels", candidates, "no always-zero channel widens a weight scale")


def equalize_channels(case: Case) -> None:
    """Even out the ranges of channels that share a scale, with and without RELU6 that never clips in the way."""
    workshop, edits = _litert(case), case.treatment.edits
    opened = unclip(workshop.network(edits), workshop.statistics(edits))
    starts: list[tuple[str, tuple[Edit, ...]]] = [("", edits)]
    if opened is not None:
        starts.append((f", RELU6 that never clips made RELU (layers: {len(opened.layers)})", (*edits, opened)))
    candidates = []
    for note, start in starts:
        network, seen = workshop.network(start), workshop.statistics(start)
        groups = len(list(channel_groups(network)))
        for alpha in ALPHAS:
            if scalings := equalize(network, seen, alpha):
                what = f"channels evened out, alpha {alpha:g} (groups: {groups}){note}"
                candidates.append(Candidate(what, workshop.plain((*start, *scalings))))
    case.try_out("equalization", candidates, "no group of channels can be scaled: see what lies between the layers")


def end_ranges_at_saturation(case: Case) -> None:
    """End ranges where the operators that read a tensor saturate."""
    narrower = saturated_ranges(_litert(case).network(case.treatment.edits), case.treatment.ranges)
    what = f"ranges end where their readers saturate (tensors: {len(narrower)})"
    candidates = [Candidate(what, case.treatment.with_ranges(narrower))] if narrower else []
    case.try_out("saturating operators", candidates, "no range reaches beyond where its reader saturates")


def choose_ranges(case: Case) -> None:
    """Try each method on the whole network, then on single tensors."""
    other = _other_ranges(case)
    candidates = [
        Candidate(f"{method} for every tensor", case.treatment.with_ranges(ranges))
        for method, ranges in other.items()
        if ranges
    ]
    case.try_out("ranges", candidates, "every method gives the smallest and largest value")
    chosen = _tensor_by_tensor(case, _other_ranges(case))
    case.try_out("ranges by tensor", [chosen] if chosen else [], "no other range of a single tensor helps")


def round_all_weights(case: Case) -> None:
    """Round weights for the least error of each layer's output."""
    rounded = _corrected(case, round_weights)
    what = "weights rounded up or down by the error of their layer's output"
    case.try_out("weight rounding", [Candidate(what, rounded)] if rounded else [], NOT_BUILT)


def shift_all_biases(case: Case) -> None:
    """Take the mean error of each channel off its bias."""
    shifted = _corrected(case, shift_biases)
    what = "mean error of each channel taken off its bias"
    case.try_out("bias correction", [Candidate(what, shifted)] if shifted else [], NOT_BUILT)


def mix_precisions(case: Case, kinds: tuple[str, ...], limits: Limits, good_enough: Callable[[], str | None]) -> None:
    """Take layers off int8, one at a time, while that helps and is allowed."""

    def affordable() -> bool:
        return limits.allow(case.file, case.workshop.samples[0])

    for _ in range(limits.layers):
        if reason := good_enough():
            case.try_out("mixed precision", [], reason)
            return
        found = widen_layer(case.workshop, case.treatment, kinds, case.merit, affordable, case.tick)
        if found is None:
            case.try_out("mixed precision", [], f"no single layer off int8 gains enough within {limits}")
            return
        treatment, name, kind = found
        if not case.try_out("mixed precision", [Candidate(f"'{short(name)}' in {kind}", treatment)], ""):
            return


NOT_BUILT = "the quantized graph does not show its tensors, so its layers cannot be corrected"


def _litert(case: Case) -> LitertWorkshop:
    assert isinstance(case.workshop, LitertWorkshop)
    return case.workshop


def _other_ranges(case: Case) -> dict[str, Ranges]:
    """Return for each method the ranges that differ from the treatment's."""
    seen, now = case.workshop.statistics(case.treatment.edits), case.treatment.ranges
    found: dict[str, Ranges] = {}
    for method, choose in METHODS.items():
        ranges = {name: choose(seen[name].histogram) for name in now if name in seen}
        found[method] = {name: pair for name, pair in ranges.items() if pair != now[name] and pair[0] < pair[1]}
    return found


def _tensor_by_tensor(case: Case, other: dict[str, Ranges]) -> Candidate | None:
    """Change one range after the other where that helps the outputs; the widest differences are tried first."""
    treatment, best = case.treatment, case.merit(case.treatment)
    trials = [(name, method, pair) for method, ranges in other.items() for name, pair in ranges.items()]
    trials.sort(key=lambda trial: (_width(trial[2]) / max(_width(treatment.ranges[trial[0]]), 1e-30), trial[0]))
    changed: dict[str, str] = {}
    for done, (name, method, pair) in enumerate(trials[:TRIALS]):
        case.tick(done, min(len(trials), TRIALS))
        tried = treatment.with_ranges({name: pair})
        merit = case.merit(tried)
        if best is not None and merit is not None and merit > best + WORTH_CHANGING_DB:
            treatment, best = tried, merit
            changed[name] = method
    if not changed:
        return None
    counts = {method: list(changed.values()).count(method) for method in sorted(set(changed.values()))}
    return Candidate(", ".join(f"{method} for {count}" for method, count in counts.items()), treatment)


WORTH_CHANGING_DB = 0.02


def _width(pair: tuple[float, float]) -> float:
    return pair[1] - pair[0]


def _corrected(case: Case, correct: Callable[[LitertWorkshop, Treatment, Tick], Treatment]) -> Treatment | None:
    try:
        return correct(_litert(case), case.treatment, case.tick)
    except (KeyError, SourceError, UnsupportedError):  # KeyError: a tensor that the quantizer renamed
        return None
