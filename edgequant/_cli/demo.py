"""`edgequant demo`: the whole way, on a network that trains in seconds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import print_json, print_result
from ._tables import print_table

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
    from edgequant._demo import run_demo
    from edgequant._demo._page import page_values
    from edgequant._pages import write_page

    from ._progress import step_progress

    _make_folder(output)
    with step_progress() as progress:
        result = run_demo(output, progress)
    page = output / "report.html"
    write_page(page, "edgequant._demo", page_values(result))
    if as_json:
        print_json({**result.to_dict(), "page": str(page)})
        return
    _print_models(result)
    _print_devices(result)
    print_result(f"Models, and a page with a picture: {page.resolve()}")


def _make_folder(folder: Path) -> None:
    from edgequant._errors import EdgequantError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgequantError(f"{folder} cannot be made: {error.strerror}; choose another folder with -o.") from error


def _print_models(result: "DemoResult") -> None:
    rows = [
        (
            model.format,
            model.engine,
            f"{model.bytes:,}",
            f"{model.ratio:.2f}x",
            f"{100 * model.accuracy:.2f} %",
            f"{model.median_us:.0f} µs",
        )
        for model in result.models
    ]
    title = f"Handwritten digits under noise, {result.test_images:,} test images"
    print_table(title, ("format", "engine"), ("bytes", "of fp32", "accuracy", "latency"), rows)


def _print_devices(result: "DemoResult") -> None:
    """Print the sentences below what they explain: beside it, a terminal leaves no room for them."""
    from rich.padding import Padding
    from rich.text import Text

    from edgequant._demo import NO_ENGINE

    print_result()
    print_result("What suits which device", style="bold")
    for advice in result.devices:
        print_result(f"{advice.device}: {advice.format}, engine: {advice.engine or NO_ENGINE}")
        print_result(Padding(Text(advice.reason), (0, 0, 0, 4)))
    print_result()
