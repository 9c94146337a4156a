"""`edgequant wheel`: the Python package that runs models on a board, built on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._output import print_json, print_status
from ._progress import step_progress
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._targets import Target

EXAMPLE = """
**Examples**

`edgequant wheel --target rpi4 -o wheels`

`edgequant wheel --target armv6 --target armv7 -o wheels --json`

Copy the file to the board and install it there: `pip install edgequant_runtime-*.whl`.

Exit code 0: built; 2: it could not be built.
"""


def wheel(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the wheels go.")],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET", help="What to build for, repeatable; 'edgequant targets' lists them."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Build for all targets.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print files, sizes and SHA-256 as JSON.")] = False,
) -> None:
    """Build edgequant_runtime as a wheel for a board, with its engine cross-compiled; it is in no package index."""
    from edgequant._targets import TARGETS, find_target

    if every == bool(target):
        raise EdgequantError("Give --target for each target to build for, or --all for all of them.")
    chosen = tuple(TARGETS.values()) if every else tuple(dict.fromkeys(map(find_target, target or ())))
    rows = _build(chosen, output)
    if as_json:
        print_json({"wheels": rows})
        return
    cells = [(", ".join(row["targets"]), row["path"], row["sha256"], f"{row['bytes']:,}") for row in rows]
    print_table("wheels", ("for", "file", "SHA-256"), ("bytes",), cells)
    print_status("Copy a wheel to its board and install it there, in a virtual environment that sees Debian's numpy:")
    print_status("python3 -m venv --system-site-packages ~/edgequant && ~/edgequant/bin/pip install WHEEL")


def _build(targets: "tuple[Target, ...]", output: Path) -> list[dict[str, Any]]:
    """Build the wheel of each kind of processor once; return what was written."""
    from edgequant._targets import build_wheel

    families: dict[str, list[Target]] = {}
    for target in targets:
        families.setdefault(target.family.name, []).append(target)
    rows = []
    with step_progress() as progress:
        for family, same in families.items():
            file = build_wheel(same[0], output, progress=progress)
            rows.append(
                {
                    "targets": [target.name for target in same],
                    "family": family,
                    "path": str(file.path),
                    "bytes": file.bytes,
                    "sha256": file.sha256,
                }
            )
    return rows
