"""Why a runner ended without an answer, in a sentence that says what to do."""

import signal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ._answer import printable
from ._checks import available_features, can_execute, family_title

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Manifest
    from edgequant._transports import Finished

NAME = "edgequant-run"


def explain(finished: "Finished", manifest: "Manifest", computer: str, device: "Device", program: PurePosixPath) -> str:
    """Return the sentence for a status other than 0 of `program`, the runner of the bundle."""
    runner = manifest.runner
    assert runner is not None
    if finished.signal is not None:
        return explain_signal(finished.signal, NAME, manifest, computer, device)
    complaint = printable(finished.complaint).rstrip(".")
    if complaint.startswith(f"{NAME}: "):
        return f"On {computer}, {complaint}."
    if "ermission denied" in complaint:
        return (
            f"{program} may not be executed on {computer}: its folder is mounted noexec, or it lost its permission; "
            "take another folder there."
        )
    if not can_execute(runner.family, device):
        return (
            f"The bundle's runner, a program for {family_title(runner.family)}, cannot be executed on {computer}, "
            f"which runs {device.programs} programs: make the bundle for such a target "
            "('edgequant targets' lists them)."
        )
    return f"{NAME} failed on {computer} with exit code {finished.status}: {complaint}."


def explain_signal(by: signal.Signals, name: str, manifest: "Manifest", computer: str, device: "Device") -> str:
    """Return the sentence for a signal that ended the program called `name`, which ran the bundle's model."""
    if by == signal.SIGILL:
        return (
            f"{name} died of an illegal instruction on {computer} ({device.core_names}): {_too_new(manifest, device)}"
        )
    if by == signal.SIGKILL:
        return (
            f"{name} was killed on {computer}, probably because memory ran out: the model takes about "
            f"{manifest.model.memory_bytes / 2**20:.0f} MiB; stop other programs there, or take a smaller model."
        )
    return (
        f"{name} was ended by {by.name} on {computer}: try once more; if it happens again, suspect the board's memory "
        "and power supply, or report it with the bundle."
    )


def _too_new(manifest: "Manifest", device: "Device") -> str:
    if manifest.runner is None:
        return (
            f"the wheels of {manifest.model.engine} were built for a newer CPU; take an int8 .tflite model, which "
            "edgequant-run runs there, or another board."
        )
    assumed = manifest.runner.assumed_features
    if assumed:
        lacking = [name for name in assumed if name not in available_features(device)]
        lacks = f", and this CPU lacks {'it' if len(lacking) == 1 else 'them'}" if lacking else ""
        return (
            f"the bundle's runner takes {', '.join(lacking or assumed)} for granted{lacks}; make the bundle for this "
            "board, or without --assume-features."
        )
    return (
        f"the bundle's runner is for {family_title(manifest.runner.family)} and later; make the bundle for this board "
        "('edgequant targets' lists them)."
    )
