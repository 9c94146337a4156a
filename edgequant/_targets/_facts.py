"""Everything that is known of a target, as plain data."""

from typing import Any

from edgequant_device_checks import Device, wheels_for

from ._target import Target


def facts(target: Target, os: str) -> dict[str, Any]:
    """Return how to compile for a target and to emulate it, and what its system is, in JSON's types.

    `os` is the release of Raspberry Pi OS. What is not known of a kind of processor is None. Raises DeviceCheckError
    for an unknown release.
    """
    family, board = target.family, target.device(os)
    device = board or Device(architecture=family.machine, word_size=family.word_size)
    return {
        "name": target.name,
        "title": target.title,
        "board": target.board,
        "processor": device.core_names if board else None,
        "family": family.name,
        "machine": family.machine,
        "word_size": family.word_size,
        "triples": {"program": family.program, "library": family.library},
        "flags": f"-mcpu={family.cpu}",
        "flags_with_assumed_features": f"-mcpu={target.cpu}",
        "emulator": target.emulator,
        "emulator_cpu": target.emulator_cpu,
        "memory_bytes": device.memory_bytes,
        "features": list(device.features) if board else None,
        "os": device.os,
        "libc": device.libc,
        "libc_version": device.libc_version,
        "python": device.python,
        "wheels": [status.to_dict() for status in wheels_for(device)],
    }
