"""`edgequant smoke`: a bundle's goldens on a board, real or emulated, bit for bit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._farm import smoke_inventory
from ._output import print_json, print_result, print_status
from ._progress import step_progress
from ._tables import print_facts

if TYPE_CHECKING:
    from edgequant._smoke import SmokeResult

EXAMPLE = """
**Examples**

`edgequant smoke kws.tar.gz --emulate rpi4`

`edgequant smoke kws.tar.gz --host pi@192.168.1.5 --junit smoke.xml --html smoke.html`

`edgequant smoke kws-zero.tar.gz kws-rpi4.tar.gz --inventory boards.ini --junit smoke.xml`

Exit code 0: all outputs are equal; 1: one differs; 2: it could not run.
"""

STYLES = {"equal": "bold green", "different": "bold red"}
TIMEOUT_MAX = 86_400
GOLDENS_SHOWN = 20

Options = dict[str, Any]


def smoke(
    bundles: Annotated[
        list[Path],
        typer.Argument(metavar="BUNDLE...", help="What 'edgequant bundle' wrote; several with --inventory."),
    ],
    emulate: Annotated[
        str | None, typer.Option(metavar="BOARD", help="Run on an emulated board, as rpi4: see 'edgequant targets'.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="USER@HOST", help="Run on a board over the system's ssh; it needs no Python.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Run on this machine.")] = False,
    ssh_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --host: ssh's configuration file, as ssh -F takes it.")
    ] = None,
    inventory: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Run on every board of an inventory of Ansible, the bundle that suits each."),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="With --inventory: the boards alone that Ansible finds by it.")
    ] = None,
    forks: Annotated[
        int | None, typer.Option(min=1, max=1000, help="With --inventory: boards at once; Ansible's 5 if absent.")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Threads of one inference; 1, and then one for each core, if absent."),
    ] = None,
    repeat: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Timed inferences of the first golden; 10 if absent, 1 if emulated."),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds that one run on the board may take.")] = 60,
    python: Annotated[
        str, typer.Option(metavar="PATH", help="The board's Python with the wheels, for bundles without runner.")
    ] = "python3",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML for CI systems.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that was found as JSON.")] = False,
) -> None:
    """Run a bundle's goldens on a board, real or emulated, and demand the bits that they gave here.

    It executes the bundle's program with your rights there: take bundles from people you trust.
    """
    from edgequant import _boards
    from edgequant._smoke import write_html, write_junit

    if inventory is not None:
        _check_farm_options((emulate, host, ssh_config, repeat), local=local)
        options = {"threads": threads, "timeout": timeout, "python": python}
        files = {"html": html, "junit": junit}
        raise typer.Exit(
            smoke_inventory(bundles, inventory, limit=limit, forks=forks, files=files, options=options, as_json=as_json)
        )
    bundle = _single(bundles, limit, forks)
    _check_options(emulate, host, local, ssh_config, timeout)
    place: Options = {"host": host, "emulate": emulate, "ssh_config": ssh_config}
    with step_progress() as progress:
        runs: Options = {
            "threads": threads,
            "repeat": repeat,
            "timeout": timeout,
            "python": python,
            "progress": progress,
        }
        result = _boards.smoke(bundle, **place, **runs)
    _print(result, as_json=as_json)
    for path, write in ((junit, write_junit), (html, write_html)):
        if path is not None:
            write(path, result)
    raise typer.Exit(result.exit_code)


def _check_farm_options(others: tuple[object, ...], *, local: bool) -> None:
    if local or any(option is not None for option in others):
        raise EdgequantError("--inventory says where to run: leave --emulate, --host, --local and --repeat away.")


def _single(bundles: list[Path], limit: str | None, forks: int | None) -> Path:
    if limit is not None or forks is not None:
        raise EdgequantError("--limit and --forks go with --inventory.")
    if len(bundles) != 1:
        raise EdgequantError("Give one bundle, or with --inventory several, of which the one that suits a board runs.")
    return bundles[0]


def _check_options(emulate: str | None, host: str | None, local: bool, ssh_config: Path | None, timeout: float) -> None:
    if (emulate is not None) + (host is not None) + local != 1:
        raise EdgequantError(
            "Say where to run, once: --emulate BOARD (such as rpi4), --host USER@HOST, --local for this machine, or "
            "--inventory FILE."
        )
    if ssh_config is not None and host is None:
        raise EdgequantError("--ssh-config goes with --host.")
    if not 0 < timeout <= TIMEOUT_MAX:
        raise EdgequantError(f"--timeout {timeout:g}: give seconds, more than 0 and at most {TIMEOUT_MAX:,}.")


def _print(result: "SmokeResult", *, as_json: bool) -> None:
    if result.error is not None:
        print_status(f"error: {result.error}")
    if as_json:
        print_json(result.to_dict())
        return
    from edgequant._smoke import device_facts, latency_facts

    if result.verdict in STYLES:
        print_result(result.headline, style=STYLES[result.verdict])
    if result.manifest is None:
        return
    shown = [golden for golden in result.goldens if golden.status != "equal" or len(result.goldens) <= GOLDENS_SHOWN]
    goldens = [(f"golden {golden.number}", f"{golden.kind}: {golden.sentence}") for golden in shown[:GOLDENS_SHOWN]]
    if len(goldens) < len(result.goldens):
        goldens.append(("goldens", f"{len(result.goldens) - len(goldens):,} more: --json and --html tell all"))
    warnings = [("warning", check.sentence) for check in result.checks if not check.ok]
    print_facts([*goldens, *device_facts(result), *latency_facts(result), *warnings])
