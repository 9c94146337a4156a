"""What is in a bundle for the person, and the shell, that receives it."""

from typing import TYPE_CHECKING

from ._manifest import Manifest
from ._render import render
from ._wheels import wheel_table

if TYPE_CHECKING:
    from edgequant._targets import Target


def readme(manifest: Manifest, target: "Target", model_name: str, answer: str | None = None) -> str:
    """Return README.md; `answer` is what the example of the task gives."""
    lines = [] if answer is None else [_printable(line) for line in answer.splitlines()]
    return render(
        "readme.md.jinja",
        manifest=manifest,
        target=target,
        model_name=_printable(model_name),
        needs=_needs(manifest),
        answer=lines,
        option=_option_of(manifest),
    )


def _option_of(manifest: Manifest) -> str:
    """Return the option of edgequant-run that takes what the task takes."""
    options = {"image": "--image", "audio": "--audio", "vector": "--lines"}
    return "" if manifest.task is None else options[manifest.task.input]


_FAMILIES = {
    "armv6": "any 32-bit ARM Linux (ARMv6 or later)",
    "armv7": "32-bit ARM Linux on ARMv7 with NEON or later",
    "aarch64": "any 64-bit ARM Linux",
    "x86_64": "any x86-64 Linux",
}

# What `uname -m` says where the program may run: a 64-bit kernel may have a 32-bit system.
_MACHINES = {
    "armv6": "armv6l | armv7l | armv8l | aarch64",
    "armv7": "armv7l | armv8l | aarch64",
    "aarch64": "aarch64 | arm64",
    "x86_64": "x86_64 | amd64",
}


def _needs(manifest: Manifest) -> str:
    if manifest.runner is None:
        assert manifest.os is not None
        python = wheel_table()[manifest.os]["python"]
        return f"Python {python}, as in Raspberry Pi OS and Debian ({manifest.os}, 64-bit)"
    features = manifest.runner.assumed_features
    return _FAMILIES[manifest.runner.family] + (f", a CPU with {', '.join(features)}" if features else "")


def _printable(name: str) -> str:
    """Return a file name that stays within its code span and means nothing to a terminal."""
    return "".join(c if c.isprintable() and c != "`" else "?" for c in name)


def smoke_script(manifest: Manifest, sums: int) -> str:
    """Return smoke.sh: POSIX sh, nothing needed but the bundle, whose SHA256SUMS has so many lines."""
    machines = _MACHINES[manifest.runner.family] if manifest.runner else ""
    return render("smoke.sh.jinja", manifest=manifest, sums=sums, machines=machines, option=_option_of(manifest))
