"""Tables of results: drawn with lines on a terminal, plain text when piped."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ._output import console


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
        table.add_row(*map(Text, row))  # a name with brackets is no markup
    needed = Measurement.get(output, output.options.update(max_width=10_000), table).maximum
    if needed > output.width or not output.is_terminal:
        table.box, table.show_edge = box.ASCII2, False
        output.width = max(output.width, needed)
    output.print(title, markup=False, soft_wrap=True, style="bold")
    output.print(table)
