"""`edgequant smoke --inventory`: the boards of an inventory, through Ansible."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._output import print_json, print_result, print_status
from ._tables import print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 40


def smoke_inventory(
    bundles: Sequence[Path],
    inventory: str,
    *,
    limit: str | None,
    forks: int | None,
    files: "Mapping[str, Path | None]",
    options: "Mapping[str, Any]",
    as_json: bool,
) -> int:
    """Run it, print what was found, and return the exit code: 1: a board gives other values, 2: one could not run."""
    from edgequant.fleet import smoke_farm

    wanted = {kind: path for kind, path in files.items() if path is not None}
    given = {f"smoke_{name}": value for name, value in options.items() if value is not None}
    print_status(f"Running the goldens on the boards of {inventory} ...")
    report = smoke_farm(bundles, inventory, limit=limit, forks=forks, files=wanted, options=given)
    if as_json:
        print_json(report)
    else:
        _print(report)
    verdicts = {board["verdict"] for board in report["boards"]}
    return 1 if "different" in verdicts else 0 if report["good"] else 2


def _print(report: "Mapping[str, Any]") -> None:
    print_result(report["headline"], style="bold green" if report["good"] else "bold red")
    rows = [
        (board["board"], board["state"], board["device"] or "", board["bundle"] or "", board["sentence"])
        for board in report["boards"][:SHOWN]
    ]
    print_table("Boards, those that failed first", ("board", "state", "device", "bundle", "why"), (), rows)
    if len(report["boards"]) > SHOWN:
        print_result(f"And {len(report['boards']) - SHOWN:,} more: --json and --html tell all.")
