"""The Python packages that bring LiteRT or ONNX Runtime to a target: pinned, each with the SHA-256 of its wheel."""

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ._errors import BundleError
from ._manifest import Wheel

if TYPE_CHECKING:
    from edgequant._targets import Target

DISTRIBUTIONS = {"litert": "ai-edge-litert", "onnxruntime": "onnxruntime"}


@cache
def wheel_table() -> dict[str, Any]:
    """Return wheels.json, which scripts/pin_wheels writes: {os: {"python": ..., machine: {engine: [wheel]}}}."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("wheels.json").read_text(encoding="utf-8"))
    return table


def find_wheels(engine: str, target: "Target", os: str) -> tuple[Wheel, ...]:
    """Return all that must be installed for an engine on a target; raises BundleError naming what has no wheel."""
    table = wheel_table()
    if os not in table:
        raise BundleError(
            f"There are no pinned wheels of {DISTRIBUTIONS[engine]} for the release {os!r} of Debian: take --os "
            f"{' or '.join(table)}, or an int8 .tflite model, whose program runs on every release."
        )
    machine = target.family.machine
    rows = table[os].get(machine, {}).get(engine)
    if rows is None:
        raise BundleError(
            f"There is no wheel of {DISTRIBUTIONS[engine]} for {machine} ({target.title}): take an int8 .tflite model, "
            "which edgequant-run runs there ('edgequant convert --quantize int8'), or a 64-bit target."
        )
    return tuple(Wheel(**row) for row in rows)


def requirements(wheels: tuple[Wheel, ...]) -> str:
    """Return the wheels as pip reads them with --require-hashes."""
    lines = [f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in wheels]
    return "\n".join(["# python3 -m pip install --require-hashes --only-binary :all: -r wheels.txt", *lines, ""])
