"""`edgequant bench`: which model, engine and number of threads is fastest, here or on a board."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._input_shapes import InputShapeOption, parse_input_shapes
from ._output import print_json, print_status, status_console
from ._precision import PrecisionOption
from ._profile import print_profile
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._bench import BenchReport

EXAMPLE = """
**Examples**

`edgequant bench fp32.tflite int8.tflite --threads 1 --threads 4`

`edgequant bench model.tflite model.onnx --seconds 30 --json > bench.json`

`edgequant bench int8.tflite --host pi@192.168.1.5`

`edgequant bench int8.tflite --engine native --engine litert --host pi@192.168.1.5 --python venv/bin/python`
"""


def bench(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help=".tflite and .onnx models.")],
    engine: Annotated[
        list[str] | None,
        typer.Option(help="native, litert or onnxruntime; repeat for several. The fitting one if absent."),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Number of threads; repeat for several. Every usable core if absent.")
    ] = None,
    runs: Annotated[int | None, typer.Option(help="Timed inferences of each configuration.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Start no round after this time; 10 if --runs is absent too.")
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print what each step costs where the engine is the native one.")
    ] = False,
    input_shape: InputShapeOption = None,
    precision: PrecisionOption = "float32",
    host: Annotated[
        str | None,
        typer.Option(
            metavar="USER@HOST", help="A board over the system's ssh; the native engine needs no Python there."
        ),
    ] = None,
    ssh_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --host: ssh's configuration file, as ssh -F takes it.")
    ] = None,
    runner: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --host: an edgequant-run for it. Compiled if absent: a minute or two, once."
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="With --host: the Python there that has the other engines; python3 if absent."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Time models, engines and thread counts against each other, interleaved in one run."""
    from edgequant._bench import bench as run_bench
    from edgequant._bench import bench_on_board

    if host is None and (ssh_config or runner or python):
        raise EdgequantError("--ssh-config, --runner and --python go with --host.")
    with _progress_between_rounds() as progress:
        asked: dict[str, Any] = {
            "engines": engine or (), "threads": threads or (), "runs": runs, "seconds": seconds, "profile": profile,
            "input_shapes": parse_input_shapes(input_shape), "precision": precision, "progress": progress,
        }  # fmt: skip
        if host is None:
            report = run_bench(models, **asked)
        else:
            from edgequant._transports import SshTransport

            with SshTransport(host, config=ssh_config) as board:
                report = bench_on_board(models, board, runner=runner, python=python or "python3", **asked)
    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)


@contextmanager
def _progress_between_rounds() -> Iterator[Callable[[str, float, float], None]]:
    """Yield a function that shows progress when it is called and at no other time: drawing would disturb the timing."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    status = status_console()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=status, transient=True, auto_refresh=False, disable=not status.is_terminal) as bar:
        task = bar.add_task("starting", total=None)

        def show(step: str, done: float, total: float) -> None:
            bar.update(task, description=step, completed=done, total=total, refresh=True)

        yield show


def _print_report(report: "BenchReport") -> None:
    rows = [
        (
            Path(result.model).name,
            result.format or "?",
            result.engine,
            str(result.threads),
            f"{result.runs:,}",
            f"{result.median_us:,.1f}",
            f"{result.min_us:,.1f}",
            f"{result.p95_us:,.1f}",
            f"{result.ratio:.2f}",
            f"{result.load_ms:.1f}",
            f"{result.peak_rss_bytes / 1e6:.1f}",
        )
        for result in report.results
    ]
    where = f" on {report.host}" if report.host else ""
    title = f"{report.rounds} rounds in {report.seconds:.1f} s{where}, every configuration in each"
    numbers = ("threads", "runs", "median µs", "min µs", "p95 µs", "ratio", "load ms", "peak MB")
    print_table(title, ("model", "format", "engine"), numbers, rows)
    for result in report.results:
        if result.profile is not None:
            print_profile(f"{Path(result.model).name}, {result.threads} thread(s)", result.profile)
    for note in report.notes:
        print_status(f"! {note}", style="yellow")
