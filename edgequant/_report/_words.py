"""The findings in sentences, and figures as text."""

from collections.abc import Sequence

from edgequant._figures import decibels, percent, size, time

from ._result import THIS_MACHINE, FamilyReport, Front, Measure, ModelReport

POINT = 0.01
GOOD_DB = 20.0

NAMES = {"accuracy": "accuracy", "agreement": "agreement with the reference", "sqnr_db": "SQNR"}
_BOUNDS = {
    "accuracy": "accuracy within one point of the reference's",
    "agreement": "99 % agreement with the reference or more",
    "sqnr_db": "an SQNR of 20 dB or more",
}
_STAYS_FLOAT = {
    "fp32": "everything: nothing is quantized",
    "fp16": "everything: fp16 weights only",
    "bf16": "everything: bf16 weights only",
    "weight-int8": "all arithmetic: int8 weights only",
    "weight-int4": "all arithmetic: int4 weights only",
    "dynamic": "activations between layers, and all arithmetic but that of quantized weights",
}


def worth(value: float | None, measure: Measure) -> str:
    """Return a figure of that measure."""
    return decibels(value) if measure == "sqnr_db" else percent(value)


def stays_float(model: ModelReport) -> str:
    """Say what a model computes in float."""
    if model.format in _STAYS_FLOAT:
        return _STAYS_FLOAT[model.format]
    if not model.float_ops:
        return "nothing"
    return ", ".join(f"{count} x {kind}" for kind, count in model.float_ops.items())


def cost_of(model: ModelReport, front: Front) -> str:
    """Return what a model costs, as the front counts it."""
    if front.device is None:
        return size(model.bytes)
    latency = model.latency(front.device)
    return "n/a" if latency is None else time(latency.median_us)


def front_title(front: Front, measure: Measure) -> str:
    """Return the front's heading."""
    cost = "Size" if front.device is None else f"Latency on {front.device}"
    return f"{cost} against {NAMES[measure]}"


def front_sentences(report: FamilyReport, front: Front) -> list[str]:
    """Say which models are on the front, cheapest first, and by which one each other is beaten."""
    cheaper = "smaller" if front.device is None else "faster"
    on = [f"{file} ({cost_of(report.model(file), front)}, {_worth_of(report, file)})" for file in front.on]
    if len(on) == 1:
        sentences = [f"{on[0]} is the whole front: no other file is {cheaper} or better."]
    else:
        sentences = [f"On the front, the {cheaper} first: {in_words(on)}."]
    return sentences + [
        f"{file} is beaten by {by}: {_how(report, front, by, file)}." for file, by in front.beaten.items()
    ]


def _how(report: FamilyReport, front: Front, winner: str, loser: str) -> str:
    costs = [cost_of(report.model(file), front) for file in (winner, loser)]
    worths = [_worth_of(report, file) for file in (winner, loser)]
    return ", ".join(
        f"both {ours}" if ours == theirs else f"{ours} against {theirs}" for ours, theirs in (costs, worths)
    )


def _worth_of(report: FamilyReport, file: str) -> str:
    return worth(report.model(file).worth(report.measure), report.measure)


def keeps_up(model: ModelReport, reference: ModelReport, measure: Measure) -> bool:
    """Whether a model is within one point of the reference, or its SQNR at 20 dB or more."""
    value, full = model.worth(measure), reference.worth(measure)
    if value is None or full is None:
        return False
    return value >= GOOD_DB if measure == "sqnr_db" else value >= full - POINT - 1e-12


def summarize(models: Sequence[ModelReport], measure: Measure, devices: Sequence[str], samples: int) -> tuple[str, ...]:
    """Say which file is smallest and which is fastest, of those that keep up with the reference."""
    reference = models[0]
    bound = _BOUNDS[measure]
    kept = [model for model in models if keeps_up(model, reference, measure)]
    if not [model for model in kept if model is not reference]:
        first = f"No file but the reference has {bound}: 'edgequant doctor' can tell why, and mend an int8 model."
        return (first, *_whole_numbers(models), *_caution(measure, samples))
    smallest = min(kept, key=lambda model: model.bytes)
    value = worth(smallest.worth(measure), measure)
    sentences = [f"Smallest with {bound}: {smallest.file}, {smallest.ratio:.2f} of the reference's bytes, {value}."]
    sentences += [sentence for device in devices if (sentence := _fastest(device, kept, reference, measure))]
    left_behind = [model.file for model in models if model not in kept]
    if left_behind:
        sentences.append(f"Not among them: {in_words(left_behind)}.")
    return (*sentences, *_whole_numbers(models), *_caution(measure, samples))


def _whole_numbers(models: Sequence[ModelReport]) -> list[str]:
    shares = [f"{percent(model.equal)} of {model.file}" for model in models[1:] if model.equal is not None]
    return [f"Whole numbers, such as indices, that equal the reference's: {in_words(shares)}."] if shares else []


def _fastest(device: str, kept: Sequence[ModelReport], reference: ModelReport, measure: Measure) -> str | None:
    timed = [(latency, model) for model in kept if (latency := model.latency(device))]
    if not timed:
        return None
    latency, model = min(timed, key=lambda pair: pair[0].median_us)
    of_reference, times = reference.latency(device), ""
    if model is reference:
        times = ", the reference itself"
    elif of_reference:
        times = f", {of_reference.median_us / latency.median_us:.2g} times as fast as the reference"
    where = "here" if device == THIS_MACHINE else f"on {device}"
    found = f"{model.file}, {time(latency.median_us)}{times}, {worth(model.worth(measure), measure)}"
    return f"Fastest {where} of those: {found}."


def _caution(measure: Measure, samples: int) -> tuple[str, ...]:
    if measure == "sqnr_db":
        return ()
    return (f"One sample of the {samples:,} is {100 / samples:.2g} points; do not choose by less than a few samples.",)


def caution_of(constants: Sequence[str]) -> list[str]:
    """Say which outputs of the reference never vary over the samples."""
    if not constants:
        return []
    names = in_words([f"'{name}'" for name in constants])
    return [f"The reference never varies {names} over the samples: the figures say nothing of inputs on which it does."]


def in_words(items: Sequence[str]) -> str:
    """Join as a, b and c."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
