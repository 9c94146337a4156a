"""`edgequant build-runner`: what runs models on a board, cross-compiled on this machine."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgequant._errors import EdgequantError

from ._output import print_json, print_status
from ._progress import step_progress
from ._tables import print_table

if TYPE_CHECKING:
    from edgequant._targets import Runner, Target

DIFFERENT = 1

EXAMPLE = """
**Examples**

`edgequant build-runner --target rpi4 -o runners`

`edgequant build-runner --all -o runners --twice --json`

Exit code 0: built; 1: with --twice, the bytes differ; 2: it could not be built.
"""


def build_runner(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go, a folder for each target.")
    ],
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="TARGET", help="What to build for, repeatable; 'edgequant targets' lists them."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Build for all targets.")] = False,
    assume_features: Annotated[
        bool,
        typer.Option(
            "--assume-features", help="Take the features of the target's CPU for granted: older CPUs do not run it."
        ),
    ] = False,
    no_library: Annotated[bool, typer.Option("--no-library", help="Only the program, not the shared library.")] = False,
    twice: Annotated[
        bool, typer.Option("--twice", help="Compile again from another folder; exit code 1 if the bytes differ.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print files, sizes and SHA-256 as JSON.")] = False,
) -> None:
    """Build the static program edgequant-run and the engine's shared library for boards, and check what they need."""
    from edgequant._targets import TARGETS, find_target

    if every == bool(target):
        raise EdgequantError("Give --target for each target to build for, or --all for all of them.")
    chosen = tuple(TARGETS.values()) if every else tuple(dict.fromkeys(map(find_target, target or ())))
    rows = _build(chosen, output, assume_features=assume_features, library=not no_library, twice=twice)
    if as_json:
        print_json({"runners": rows})
    else:
        _print(rows)
    if any(row["same_twice"] is False for row in rows):
        print_status("Two builds of the same sources differ.", style="bold red")
        raise typer.Exit(DIFFERENT)


def _build(
    targets: Sequence["Target"], output: Path, *, assume_features: bool, library: bool, twice: bool
) -> list[dict[str, Any]]:
    """Build and write the files of each target; return what was written."""
    from edgequant._targets import build_runner
    from edgequant._targets._export import export_runner, make_folder

    for target in targets:
        make_folder(output / target.name)  # before a minute is spent on what cannot be written
    rows = []
    with step_progress() as progress, TemporaryDirectory(prefix="edgequant-again-") as elsewhere:
        for target in targets:
            caches = (None, Path(elsewhere)) if twice else (None,)
            runner, *again = (
                build_runner(target, assume_features=assume_features, library=library, cache=cache, progress=progress)
                for cache in caches
            )
            files = export_runner(runner, target, output / target.name)
            rows.append(
                {
                    "target": target.name,
                    "family": runner.family,
                    "version": runner.version,
                    "assumed_features": list(runner.assumed_features),
                    "files": [{"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256} for file in files],
                    "same_twice": _are_same(runner, *again) if twice else None,
                }
            )
    return rows


def _are_same(one: "Runner", other: "Runner") -> bool:
    return [file.read_bytes() for file in one.files] == [file.read_bytes() for file in other.files]


def _print(rows: Sequence[dict[str, Any]]) -> None:
    cells = [
        (row["target"], file["path"], file["sha256"], f"{file['bytes']:,}") for row in rows for file in row["files"]
    ]
    print_table("programs and libraries", ("target", "file", "SHA-256"), ("bytes",), cells)
    for features in dict.fromkeys(tuple(row["assumed_features"]) for row in rows if row["assumed_features"]):
        names = " and ".join(row["target"] for row in rows if tuple(row["assumed_features"]) == features)
        print_status(f"Those for {names} run only on CPUs with {', '.join(features)}.")
