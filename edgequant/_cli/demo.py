"""`edgequant demo`: the whole way, on a network that trains in seconds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import console, print_json

if TYPE_CHECKING:
    from edgequant._demo import DemoResult

EXAMPLE = "**Example**\n\n`edgequant demo --output demo-output`"


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the models and the page; made if missing.")
    ] = Path("demo-output"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Train a small network on handwritten digits, convert it to eight files, and compare them."""
    from edgequant_converters import replacing

    from edgequant._demo import run_demo
    from edgequant._demo._page import render_page

    from ._progress import step_progress

    _make_folder(output)
    with step_progress() as progress:
        result = run_demo(output, progress)
    page = output / "report.html"
    with replacing(page) as temporary:
        temporary.write_text(render_page(result), encoding="utf-8")
    if as_json:
        print_json({**result.to_dict(), "page": str(page)})
        return
    _print_tables(result)
    console().print(f"Page with a picture: {page.resolve()}", soft_wrap=True)


def _make_folder(folder: Path) -> None:
    from edgequant._errors import EdgequantError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgequantError(f"{folder} cannot be made: {error.strerror}; choose another folder with -o.") from error


def _print_tables(result: "DemoResult") -> None:
    from rich.markup import escape
    from rich.table import Table

    models = Table(title=f"Handwritten digits, {result.test_images} test images", title_justify="left")
    for heading in ("file", "format", "engine"):
        models.add_column(heading)
    for heading in ("bytes", "of fp32", "accuracy", "latency"):
        models.add_column(heading, justify="right")
    for model in result.models:
        accuracy, latency = f"{100 * model.accuracy:.2f} %", f"{model.median_us:.0f} µs"
        size, ratio = f"{model.bytes:,}", f"{model.ratio:.2f}x"
        models.add_row(model.file, model.format, model.engine, size, ratio, accuracy, latency)
    console().print(models)
    devices = Table(title="What suits which device", title_justify="left")
    for heading in ("device", "format", "why"):
        devices.add_column(heading)
    for row in result.devices:
        devices.add_row(*map(escape, row))
    console().print(devices)
