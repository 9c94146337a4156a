"""`edgequant targets`: what can be built for and emulated, and what these systems are."""

from typing import Annotated, Any

import typer

from ._output import print_json
from ._sizes import in_binary_units
from ._tables import print_table

EXAMPLE = """
**Examples**

`edgequant targets`

`edgequant targets --os bookworm --json`
"""


def targets(
    os: Annotated[
        str, typer.Option(metavar="RELEASE", help="Raspberry Pi OS trixie, bookworm or bullseye.")
    ] = "trixie",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that is known as JSON.")] = False,
) -> None:
    """List the boards and kinds of processors that edgequant builds programs and bundles for, and emulates."""
    from edgequant._targets import TARGETS
    from edgequant._targets._facts import facts

    found = [facts(target, os) for target in TARGETS.values()]
    if as_json:
        print_json({"os": os, "targets": found})
        return
    headings = ("target", "", "processor", "programs", "emulated by", "glibc", "Python", "wheels")
    print_table(f"targets, Raspberry Pi OS {os}", headings, ("memory",), map(_row, found))


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    emulated = f"{found['emulator']} -cpu {found['emulator_cpu']}" if found["emulator"] else ""
    wheels = [status["package"] for status in found["wheels"] if status["installs"] and status["engine"]]
    return (
        found["name"],
        found["title"],
        found["processor"] or "",
        f"{found['family']}, {found['word_size']}-bit",
        emulated,
        found["libc_version"] or "",
        found["python"] or "",
        ", ".join(wheels),
        in_binary_units(found["memory_bytes"]) if found["memory_bytes"] else "",
    )
