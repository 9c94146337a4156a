"""The `edgequant` program: its commands, and what a failure looks like to the user."""

import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from edgequant_converters import ConverterError
from edgequant_device_checks import DeviceCheckError
from edgequant_runtime import SessionError
from typer.core import TyperGroup

from edgequant import __version__
from edgequant._errors import EdgequantError

from . import (
    bench,
    build_runner,
    bundle,
    check,
    compare,
    convert,
    demo,
    deploy,
    doctor,
    formats,
    inspect,
    report,
    run,
    sign,
    smoke,
    study,
    targets,
    task,
    tensor,
    wheel,
)
from ._output import finish_streams, prepare_streams, print_result, print_status

USER_ERROR = 2
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


class _Program(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command; Ctrl-C ends it with one line (left to typer, it would end with 1)."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            print_status("interrupted")
            for note in getattr(interruption, "__notes__", []):  # such as what is left on a board
                print_status(note)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="edgequant",
    cls=_Program,
    help="Take a trained network to a Raspberry Pi-class ARM computer.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_result(f"edgequant {__version__}")
        raise typer.Exit


@app.callback()
def _edgequant(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Take a trained network to a Raspberry Pi-class ARM computer."""


_MODELS = "Networks and models"
_BOARDS = "Boards"

app.command("convert", epilog=convert.EXAMPLE, rich_help_panel=_MODELS)(convert.convert)
app.command("inspect", epilog=inspect.EXAMPLE, rich_help_panel=_MODELS)(inspect.inspect)
app.command("compare", epilog=compare.EXAMPLE, rich_help_panel=_MODELS)(compare.compare)
app.command("doctor", epilog=doctor.EXAMPLE, rich_help_panel=_MODELS)(doctor.doctor)
app.command("run", epilog=run.EXAMPLE, rich_help_panel=_MODELS)(run.run)
app.command("bench", epilog=bench.EXAMPLE, rich_help_panel=_MODELS)(bench.bench)
app.command("report", epilog=report.EXAMPLE, rich_help_panel=_MODELS)(report.report)
app.command("formats", epilog=formats.EXAMPLE, context_settings=formats.ARGUMENTS, rich_help_panel=_MODELS)(
    formats.formats
)
app.command("study", epilog=study.EXAMPLE, rich_help_panel=_MODELS)(study.study)
app.command("tensor", epilog=tensor.EXAMPLE, rich_help_panel=_MODELS)(tensor.tensor)
app.command("task", epilog=task.EXAMPLE, rich_help_panel=_MODELS)(task.task)
app.command("demo", epilog=demo.EXAMPLE, rich_help_panel=_MODELS)(demo.demo)
app.command("check", epilog=check.EXAMPLE, rich_help_panel=_BOARDS)(check.check)
app.command("targets", epilog=targets.EXAMPLE, rich_help_panel=_BOARDS)(targets.targets)
app.command("build-runner", epilog=build_runner.EXAMPLE, rich_help_panel=_BOARDS)(build_runner.build_runner)
app.command("wheel", epilog=wheel.EXAMPLE, rich_help_panel=_BOARDS)(wheel.wheel)
app.command("bundle", epilog=bundle.EXAMPLE, rich_help_panel=_BOARDS)(bundle.bundle)
app.command("sign", epilog=sign.EXAMPLE, rich_help_panel=_BOARDS)(sign.sign)
app.command("smoke", epilog=smoke.EXAMPLE, rich_help_panel=_BOARDS)(smoke.smoke)
app.command("deploy", epilog=deploy.EXAMPLE, rich_help_panel=_BOARDS)(deploy.deploy)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done. 2: the user can cure it, and one sentence on standard error says how. 130: interrupted. 1: whoever read
    the output stopped reading.
    """
    try:
        result = app(args=argv, standalone_mode=True)
    except (ConverterError, DeviceCheckError, SessionError, EdgequantError) as error:
        return _fail(str(error))
    except OSError as error:
        what = error.filename or "The output cannot be printed"
        return _fail(f"{what}: {error.strerror or error}.")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return result or 0


def _fail(sentence: str) -> int:
    print_status(f"error: {sentence}")
    return USER_ERROR


def entry_point() -> None:
    """Start from the shell; cancelled jobs and closed terminals end a command as Ctrl-C does: it cleans up."""
    prepare_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    code = main()
    finish_streams()
    sys.exit(code)
