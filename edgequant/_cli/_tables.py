"""Tables of results: drawn with lines on a terminal, plain text when piped."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ._output import console, print_result


def print_table(title: str, text: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a title and a table whose columns are `text`, flush left, and then `numbers`, flush right.

    A table that is wider than the terminal is left to the terminal to wrap, rather than cut into slivers.
    """
    output = console()
    table = Table(box=box.HEAVY_HEAD)
    for heading in text:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*map(_cell, row))
    needed = _width(table)
    if needed > output.width or not output.is_terminal:
        table.box, table.show_edge = box.ASCII2, False
    print_result(_printable(title), style="bold")
    print_result(table, width=needed)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and values, a line each; a terminal folds the values that are too long for it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(_cell(name), _cell(value))
    print_result(grid, width=0 if console().is_terminal else _width(grid))


def _width(renderable: RenderableType) -> int:
    """Return the columns that something takes if nothing in it is wrapped."""
    output = console()
    return Measurement.get(output, output.options.update(max_width=10_000), renderable).maximum


def _cell(text: str) -> Text:
    return Text(_printable(text))


def _printable(text: str) -> str:
    """Names come from files: keep their control characters off the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
