"""The `edgequant` program: its commands, and what a failure looks like to the user."""

import sys
from collections.abc import Sequence

import typer
from edgequant_converters import ConverterError
from edgequant_device_checks import DeviceCheckError
from edgequant_runtime import SessionError

from edgequant._errors import EdgequantError

from . import bench, check, compare, convert, demo, doctor, formats, inspect, report, run
from ._output import status_console

USER_ERROR = 2

app = typer.Typer(
    name="edgequant",
    help="Take a trained network to a Raspberry Pi-class ARM computer.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _edgequant() -> None:
    """Take a trained network to a Raspberry Pi-class ARM computer."""


app.command("bench", epilog=bench.EXAMPLE)(bench.bench)
app.command("check", epilog=check.EXAMPLE)(check.check)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.command("convert", epilog=convert.EXAMPLE)(convert.convert)
app.command("formats", epilog=formats.EXAMPLE, context_settings=formats.ARGUMENTS)(formats.formats)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)
app.command("inspect", epilog=inspect.EXAMPLE)(inspect.inspect)
app.command("report", epilog=report.EXAMPLE)(report.report)
app.command("run", epilog=run.EXAMPLE)(run.run)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 the user can cure it (one sentence on standard error)."""
    try:
        result = app(args=argv, standalone_mode=True)
    except (ConverterError, DeviceCheckError, SessionError, EdgequantError) as error:
        status_console().print(f"error: {error}", markup=False, soft_wrap=True)
        return USER_ERROR
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return result or 0


def entry_point() -> None:
    """Start from the shell."""
    sys.exit(main())
