"""What is odd about a device: each check is one trap met on real boards, and returns a sentence or None."""

from __future__ import annotations

import re

from ._cores import ARMV8, BF16, DOTPROD
from ._device import Device
from ._wheels import packages_lost


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


def _untold_userland(device: Device) -> str | None:
    """Tell that nothing says whether a system on a 64-bit kernel is a 64-bit or a 32-bit one; Raspberry Pi OS is both.

    lscpu, /proc/cpuinfo and uname are the same under both.
    """
    if len(device.readings) == 1:
        return None
    wide, narrow = (reading.architecture for reading in device.readings)
    debian = {"aarch64": "arm64 or armhf", "x86_64": "amd64 or i386"}[wide]
    *lost, last = packages_lost(wide, narrow)
    return (
        "Whether its programs are 64-bit or 32-bit is not told: a 32-bit system on a 64-bit kernel shows the same "
        f"lines. Ask the device: 'getconf LONG_BIT' says 64 or 32, 'dpkg --print-architecture' {debian}. "
        f"If 64, what is built for {wide} runs; if 32, only what is built for {narrow} does, and there is no "
        f"{', '.join(lost)} and {last} for it. The answer may stand in the same text; "
        "'edgequant check --host' asks by itself."
    )


def _hidden_dotprod(device: Device) -> str | None:
    """Kernels before 6.3 list fp16 and the dot product to 64-bit programs only."""
    cores = [cluster.core for cluster in device.clusters]
    if device.word_size != 32 or "neon" not in device.features or "asimddp" in device.features:
        return None
    if not cores or any(core is None or core.level not in (DOTPROD, BF16) for core in cores):
        return None
    return (
        f"{device.core_names} has fp16 and the dot product by design, but kernels before 6.3 do not list them to "
        "32-bit programs."
    )


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


_CHECKS = (_narrow_userland, _untold_userland, _hidden_dotprod, _hidden_bf16, _half_bf16, _x86_bf16, _emulated)
