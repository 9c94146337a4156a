"""What is odd about a device: each check is one trap met on real boards, and returns a sentence or None."""

from __future__ import annotations

import re

from ._cores import ARMV8, BF16
from ._device import Device


def notes_on(device: Device) -> list[str]:
    """Return a sentence for each trap that this device is in."""
    return [note for check in _CHECKS if (note := check(device)) is not None]


def _narrow_userland(device: Device) -> str | None:
    if device.word_size == 32 and device.kernel_architecture in ("aarch64", "x86_64"):
        return (
            f"The kernel is 64-bit ({device.kernel_architecture}) but the programs are 32-bit: "
            "wheels and engines must be 32-bit ones too."
        )
    return None


def _hidden_bf16(device: Device) -> str | None:
    """Kernels before 5.6 do not report bf16 and i8mm, and hypervisors may hide them."""
    cores = [cluster.core for cluster in device.clusters]
    if device.architecture != "aarch64" or not cores or any(core is None or core.level != BF16 for core in cores):
        return None
    if {"bf16", "i8mm", "svebf16"} & set(device.features) or "asimd" not in device.features:
        return None
    release = re.match(r"(\d{1,4})\.(\d{1,4})", device.kernel or "")
    old = release is not None and (int(release.group(1)), int(release.group(2))) < (5, 6)
    why = f"this kernel, {device.kernel}, is older" if old else "an old kernel or a hypervisor hides them"
    return (
        f"{device.core_names} has bf16 and i8mm by design, but the kernel does not list them: "
        f"kernels before 5.6 cannot ({why})."
    )


def _half_bf16(device: Device) -> str | None:
    """Google's Tensor G3 lists svebf16 without bf16 (an erratum of its cores)."""
    if device.is_arm and "svebf16" in device.features and "bf16" not in device.features:
        return "svebf16 is listed without bf16, as on chips with an erratum: bf16 is taken as absent."
    return None


def _x86_bf16(device: Device) -> str | None:
    tokens = [token for token in ("avx512_bf16", "amx_bf16") if token in device.features]
    if tokens and not device.is_arm:
        return f"{' and '.join(tokens)}: instructions of x86, which say nothing of ARM boards."
    return None


def _emulated(device: Device) -> str | None:
    """QEMU's A53 and A72 advertise AES and SHA, which a Raspberry Pi's lack, and omit evtstrm, which kernels list."""
    cores = {cluster.core.level for cluster in device.clusters if cluster.core}
    tokens = set(device.features)
    if device.architecture == "aarch64" and cores <= {ARMV8} and "aes" in tokens and "evtstrm" not in tokens:
        return (
            "aes is listed without evtstrm, as under QEMU's user emulation: no Raspberry Pi of this class has AES, "
            "and latencies measured here say nothing of a board."
        )
    return None


_CHECKS = (_narrow_userland, _hidden_bf16, _half_bf16, _x86_bf16, _emulated)
