"""`edgequant check`: what a device is, and which number format and engine suit it."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgequant._errors import EdgequantError

from ._output import print_json, print_result
from ._sizes import in_binary_units

if TYPE_CHECKING:
    from edgequant_device_checks import Cluster, Device, Recommendation, WheelStatus
    from rich.console import RenderableType

    from edgequant._transports import Transport

SMALLEST = "smallest model sold"

EXAMPLE = """
**Examples**

`edgequant check` for this machine

`edgequant check --board pi4` or `--board pi4-32` (with a 32-bit system)

`edgequant check --host pi@192.168.1.5 --json`

`edgequant check --host pi@192.168.1.5 --measure fp32.tflite --measure int8.tflite`

`ssh pi@192.168.1.5 "LC_ALL=C lscpu" | edgequant check --from -`
"""


def check(
    from_file: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE", help="Saved lscpu, lscpu -J or /proc/cpuinfo; - for standard input."),
    ] = None,
    board: Annotated[
        str | None, typer.Option(metavar="NAME", help="A board by name: pi-zero, pi3, pi4, pi4-32, pi5, rock5b, ...")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="USER@HOST", help="A device over the system's ssh; it needs no Python.")
    ] = None,
    os: Annotated[
        str | None,
        typer.Option(metavar="RELEASE", help="With --board: Raspberry Pi OS trixie (default), bookworm or bullseye."),
    ] = None,
    measured: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What 'edgequant bench --json' wrote on that device: it outvotes the rules."),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option(
            "--measure",
            metavar="MODEL",
            help="Time this model there for some seconds; repeatable. It outvotes the rules.",
        ),
    ] = None,
    ssh_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --host: ssh's configuration file, as ssh -F takes it.")
    ] = None,
    runner: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --measure and --host: an edgequant-run for it.")
    ] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="With --measure and --host: the Python there that has engines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print device, recommendation and wheels as JSON.")] = False,
) -> None:
    """Say what a device is (this machine, unless told otherwise), which number format and engine suit it, and why."""
    from edgequant_device_checks import read_measurements, recommend, summary

    from ._measuring import check_models, measure

    _refuse(
        {
            "Give only one of --from, --board and --host.": [from_file, board, host].count(None) < 2,
            "--os goes with --board: a real device tells its own.": os is not None and board is None,
            "--measure needs the device itself: give --host, or nothing to measure this machine.": bool(
                models and (from_file or board)
            ),
            "Give only one of --measure and --measured.": bool(models and measured),
            "--ssh-config goes with --host.": bool(ssh_config and not host),
            "--runner and --python go with --measure and --host.": bool((runner or python) and not (models and host)),
        }
    )
    if models:
        check_models(models)
    with _connection(host, ssh_config) as transport:
        device = _find_device(from_file, board, transport, os)
        measurement = measure(models, transport, runner, python) if models else None
    medians = measurement.medians if measurement else read_measurements(measured) if measured else None
    recommendation = recommend(device, medians)
    if as_json:
        taken = {"measurement": measurement.to_dict()} if measurement else {}
        print_json(summary(device, recommendation) | taken)
    else:
        _print(device, recommendation, measurement.notes if measurement else ())
    if measurement and measurement.failure:
        raise EdgequantError(f"Nothing was measured, so the rules alone decide. {measurement.failure}")


def _refuse(wrong: Mapping[str, bool]) -> None:
    for sentence, is_so in wrong.items():
        if is_so:
            raise EdgequantError(sentence)


def _connection(host: str | None, ssh_config: Path | None) -> "AbstractContextManager[Transport | None]":
    if host is None:
        return nullcontext()
    from edgequant._transports import SshTransport

    return SshTransport(host, config=ssh_config)


def _find_device(from_file: str | None, board: str | None, transport: "Transport | None", os: str | None) -> "Device":
    from edgequant_device_checks import for_board, probe
    from edgequant_device_checks import from_file as read_file

    if from_file == "-":
        return _read_standard_input()
    if from_file is not None:
        return read_file(from_file)
    if board is not None:
        return for_board(board, os=os or "trixie")
    return transport.device() if transport is not None else probe()


def _read_standard_input() -> "Device":
    from edgequant_device_checks import DeviceCheckError, from_bytes

    try:
        return from_bytes(sys.stdin.buffer.read())
    except DeviceCheckError as error:
        raise EdgequantError(f"standard input: {error}") from None


def _print(device: "Device", recommendation: "Recommendation", notes: Iterable[str] = ()) -> None:
    from edgequant_device_checks import wheels_for
    from rich.text import Text

    print_result(Text(device.model or device.core_names, style="bold"))
    print_result(_facts(device))
    for note in (*device.notes, *notes):
        print_result(_bullet("!", Text(note), style="yellow"))
    print_result()
    print_result(_headline(recommendation))
    for reason in recommendation.reasons:
        print_result(_bullet("-", _reason(reason)))
    print_result()
    print_result(Text("Why not another format", style="bold"))
    print_result(_grid([(Text(name), Text(why)) for name, why in recommendation.why_not.items()]))
    print_result()
    print_result(Text("Python packages", style="bold"))
    print_result(_grid([_wheel_row(status) for status in wheels_for(device)]))


def _headline(recommendation: "Recommendation") -> "RenderableType":
    from rich.text import Text

    if recommendation.engine is None:
        return Text.assemble(
            ("Take ", "bold"), (recommendation.format, "bold green"), ("; no engine installs", "bold yellow")
        )
    return Text.assemble(("Take ", "bold"), (f"{recommendation.format} with {recommendation.engine}", "bold green"))


def _facts(device: "Device") -> "RenderableType":
    from rich.text import Text

    other = device.kernel_architecture not in (None, device.architecture)
    kernel = f", kernel {device.kernel_architecture}" if other else ""
    libc = " ".join(part for part in (device.libc, device.libc_version) if part)
    system = [device.os, device.kernel and f"kernel {device.kernel}", libc, device.python and f"Python {device.python}"]
    facts = {
        "processor": "; ".join(map(_cluster, device.clusters)),
        "programs": f"{device.programs}{kernel}",
        "arithmetic": _arithmetic(device),
        "caches": ", ".join(
            f"{cache.name} {in_binary_units(cache.total_bytes or cache.instance_bytes or 0)}" for cache in device.caches
        ),
        "memory": _memory(device),
        "system": ", ".join(part for part in system if part),
    }
    return _grid([(Text(name, style="cyan"), Text(value)) for name, value in facts.items() if value])


def _cluster(cluster: "Cluster") -> str:
    count = f"{cluster.count} x " if cluster.count else ""
    stepping = f" r{cluster.variant}p{cluster.revision}" if cluster.variant is not None else ""
    clock = f" at {cluster.max_mhz / 1000:.2g} GHz" if cluster.max_mhz else ""
    return f"{count}{cluster.name}{stepping}{clock}"


def _arithmetic(device: "Device") -> str:
    if not device.is_arm:
        return "not an ARM processor"
    if not device.features:
        return "not told: there is no list of features"
    has = [name for name, present in device.capabilities.items() if present]
    lacks = [name for name, present in device.capabilities.items() if not present]
    return "; ".join(part for part in (", ".join(has), f"no {', '.join(lacks)}" if lacks else "") if part)


def _memory(device: "Device") -> str:
    if device.memory_bytes is None:
        return ""
    is_smallest = device.sources.get("memory_bytes") == SMALLEST
    return in_binary_units(device.memory_bytes) + (f" ({SMALLEST})" if is_smallest else "")


def _reason(reason: str) -> "RenderableType":
    """Set a reason's source apart from its sentence."""
    from rich.text import Text

    sentence, bracket, source = reason.partition(" [")
    return Text.assemble(sentence, (bracket + source, "dim"))


def _wheel_row(status: "WheelStatus") -> "tuple[RenderableType, ...]":
    from rich.text import Text

    verdict, style = {
        True: ("installs", "green"),
        False: ("does not install", "red"),
        None: ("may install", "yellow"),
    }[status.installs]
    return Text(f"{status.package} {status.version or ''}".strip()), Text(verdict, style=style), Text(status.reason)


def _bullet(mark: str, text: "RenderableType", style: str = "") -> "RenderableType":
    from rich.text import Text

    return _grid([(Text(mark, style=style), text)])


def _grid(rows: Iterable["tuple[RenderableType, ...]"]) -> "RenderableType":
    from rich.padding import Padding
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        grid.add_row(*row)
    return Padding(grid, (0, 0, 0, 2))
