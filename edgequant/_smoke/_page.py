"""The result as a page."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from edgequant import __version__
from edgequant._pages import Image, image, write_page

from ._facts import device_facts, latency_facts
from ._plots import Arrays, draw_difference, window
from ._result import EQUAL, Difference, SmokeResult, threads_in_words

PICTURES = 6
SENTENCES = 12
PICTURE_HEIGHT = 3.6


def write_html(path: Path, result: SmokeResult) -> None:
    """Write the page in one step; raises OutputError."""
    pictures = list(islice(_pictures(result), PICTURES))
    values = {
        "result": result,
        "version": __version__,
        "is_good": result.exit_code == EQUAL,
        "device": device_facts(result),
        "latency": latency_facts(result),
        "pictures": pictures,
        "pictures_most": PICTURES,
        "sentences_most": SENTENCES,
    }
    write_page(path, __package__, values)


def _pictures(result: SmokeResult) -> Iterator[Image]:
    """Yield a picture of every difference, one for each output of a golden."""
    for golden in result.goldens:
        drawn = set()
        for run in golden.runs:
            for number, output in enumerate(run.outputs):
                if output.difference is not None and output.difference.arrays and number not in drawn:
                    drawn.add(number)
                    title = (
                        f"Golden {golden.number} ({golden.kind}), {output.name} with {threads_in_words([run.threads])}"
                    )
                    yield _picture(title, output.difference, output.difference.arrays)


def _picture(title: str, found: Difference, arrays: Arrays) -> Image:
    first, end = window(found, arrays[0].shape)
    part = "" if end - first == found.values else f", values {first:,} to {end - 1:,} of {found.values:,}"
    caption = f"{title}{part}: what was expected, what came, and got less expected. Values that differ are marked."
    return image(
        partial(draw_difference, arrays=arrays, begin=first, end=end), PICTURE_HEIGHT, caption, f"{found.sentence}."
    )
