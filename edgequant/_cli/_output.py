"""What commands print: results on standard output, progress and warnings on standard error."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Piped output has no width of its own; this is where its prose wraps.
PIPED_WIDTH = 160


class _SafeConsole(Console):
    """A console that no word of a file, a board or a bundle can give orders to."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what rich would, without control characters but rich's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(_printable(segment.text), segment.style)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def console() -> Console:
    """Return the console for results (standard output)."""
    return _console(sys.stdout, stderr=False)


def status_console() -> Console:
    """Return the console for progress and warnings (standard error), so that results can be piped."""
    return _console(sys.stderr, stderr=True)


def _console(stream: TextIO | None, *, stderr: bool) -> Console:
    width = None if stream is not None and stream.isatty() else PIPED_WIDTH
    # Names come from files: [brackets] and :colons: in them mean nothing.
    return _SafeConsole(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def print_result(result: RenderableType = "", *, width: int = 0, style: str | None = None) -> None:
    """Print on standard output, `width` columns wide if the terminal is narrower; a plain string is not wrapped.

    Where that is no terminal, a line ends with its text: nothing pads it.
    """
    output = console()
    output.width = max(output.width, width)
    wraps = not isinstance(result, str)
    if output.is_terminal:
        output.print(result, style=style, soft_wrap=not wraps)
        return
    with output.capture() as captured:
        output.print(result, soft_wrap=not wraps)
    _write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def print_json(document: Any) -> None:
    """Print one JSON document. Infinities and NaN, which JSON lacks, must be None before they come here."""
    _write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def print_status(text: str, *, style: str | None = None) -> None:
    """Print a line on standard error; where that cannot be written, there is nobody to tell."""
    with contextlib.suppress(OSError):
        status_console().print(text, style=style, soft_wrap=True)


def _write(text: str) -> None:
    if sys.stdout is not None:
        sys.stdout.write(text)
        sys.stdout.flush()  # a full disk or a closed pipe must show now, not when Python ends


def prepare_streams() -> None:
    """Make the standard streams fit to print on, whatever the shell gave.

    A character that the encoding lacks is printed as `?`. A closed stream leads nowhere: left closed, its number
    would go to the next file that is opened, and whatever a library prints would go into that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open(mode)  # noqa: SIM115 (stays open to the end)
            os.set_inheritable(nowhere.fileno(), True)
            setattr(sys, name, nowhere)
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def finish_streams() -> None:
    """Drop what could not be printed; Python would try once more at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
