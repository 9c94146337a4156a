"""The findings in sentences, the same on the terminal and on the page."""

from edgequant._figures import decibels, percent

from ._study import FormatResult, FormatStudy

LOST = 0.01


def findings(study: FormatStudy) -> list[str]:
    """Say which format is the smallest that keeps up, and which ones do not hold the weights."""
    reference, *others = study.results
    kept = [result for result in others if _keeps_up(result, reference)]
    bound = "accuracy within a point of fp32's" if reference.accuracy is not None else "an SQNR of 20 dB or more"
    if kept:
        best = min(kept, key=lambda result: result.bytes)
        worth = percent(best.accuracy) if reference.accuracy is not None else decibels(best.sqnr_db)
        sentences = [f"Smallest with {bound}: {best.format}, {best.ratio:.2f} of the bytes in fp32, {worth}."]
    else:
        sentences = [f"No format but fp32 has {bound}: 'edgequant doctor' can tell why int8 loses it."]
    shares = [f"{percent(result.equal)} in {result.format}" for result in others if result.equal is not None]
    if shares:
        sentences.append(f"Whole numbers, such as indices, that equal those of fp32: {', '.join(shares)}.")
    sentences += [
        f"{result.format} has no room for {result.beyond:,} of the values: they became infinity or NaN."
        for result in others
        if result.beyond
    ]
    return sentences


def _keeps_up(result: FormatResult, reference: FormatResult) -> bool:
    if result.beyond:
        return False
    if reference.accuracy is not None:
        return result.accuracy is not None and result.accuracy >= reference.accuracy - LOST
    return result.sqnr_db is not None and result.sqnr_db >= 20
