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

    Where the terminal is narrower than the table, each row is a paragraph: its first cell, and below it the others, a
    line each with their headings.
    """
    output = console()
    rows = list(rows)
    table = Table(box=box.HEAVY_HEAD)
    for heading in text:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*map(_cell, row))
    needed = _width(table)
    print_result(_printable(title), style="bold")
    if output.is_terminal and needed > output.width:
        _print_paragraphs((*text, *numbers), rows)
        return
    if not output.is_terminal:
        table.box, table.show_edge = box.ASCII2, False
    print_result(table, width=needed)


def _print_paragraphs(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for first, *others in rows:
        print_result(_printable(first), style="bold")
        grid = Table.grid(padding=(0, 2, 0, 2))
        grid.add_column()
        grid.add_column(overflow="fold")
        for heading, cell in zip(headings[1:], others, strict=True):
            if cell:
                grid.add_row(_cell(heading), _cell(cell))
        print_result(grid)


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
