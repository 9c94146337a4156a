"""What an emulated board says of itself, in files that qemu-user shows its programs in place of this machine's."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._targets import Target

if TYPE_CHECKING:
    from edgequant_device_checks import Cluster, Device

# The board of each emulated CPU: a kind of processor, which is no board, is emulated as the cores of one.
_BOARD_OF_CPU = {
    "arm1176": "pi-zero",
    "cortex-a7": "pi2",
    "cortex-a53": "pi3",
    "cortex-a72": "pi4",
    "cortex-a76": "pi5",
    "neoverse-n1": "altra",
}
_CORES_IF_UNKNOWN = 4


def device_of(target: Target) -> "Device":
    """Return what the emulated computer is; a kind of processor has no model, system and memory of its own."""
    from edgequant_device_checks import Device, for_board

    board = target.device()
    if board is not None:
        return board
    stand_in = _BOARD_OF_CPU.get(target.emulator_cpu or "")
    if stand_in is None:
        return Device(target.family.machine, target.family.word_size)
    cores = for_board(stand_in)
    return Device(
        target.family.machine,
        target.family.word_size,
        features=cores.features,
        clusters=tuple(replace(cluster, max_mhz=None) for cluster in cores.clusters),
        sources={"features": "table of boards"},
    )


def write_root(root: Path, device: "Device", target: Target) -> None:
    """Write the files: /proc/cpuinfo, the model in the device tree, which CPUs there are, how much memory."""
    count = sum(cluster.count or _CORES_IF_UNKNOWN for cluster in device.clusters)
    files = {
        "proc/cpuinfo": _cpuinfo(device, target),
        "sys/devices/system/cpu/online": f"0-{count - 1}\n" if count > 1 else "0\n",
        "sys/devices/system/cpu/possible": f"0-{count - 1}\n" if count > 1 else "0\n",
        "sys/devices/system/cpu/present": f"0-{count - 1}\n" if count > 1 else "0\n",
    }
    if device.model:
        files["proc/device-tree/model"] = files["sys/firmware/devicetree/base/model"] = device.model + "\0"
    if device.memory_bytes:
        files["proc/meminfo"] = f"MemTotal: {device.memory_bytes // 1024:>15} kB\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


def _cpuinfo(device: "Device", target: Target) -> str:
    cpus = [cluster for cluster in device.clusters for _ in range(cluster.count or _CORES_IF_UNKNOWN)]
    texts = [f"processor\t: {number}\n{_cpu(cluster, device, target)}\n" for number, cluster in enumerate(cpus)]
    return "".join(texts) + (f"Model\t\t: {device.model}\n" if device.model else "")


def _cpu(cluster: "Cluster", device: "Device", target: Target) -> str:
    """Return the lines of one CPU; 32-bit kernels name it, and call ARMv6 cores `architecture: 7` as well."""
    revision = cluster.revision or 0
    is_armv6 = target.family.machine == "armv6l"
    name = f"ARMv6-compatible processor rev {revision} (v6l)" if is_armv6 else f"ARMv7 Processor rev {revision} (v7l)"
    lines = {
        "Features\t": " ".join(device.features),
        "CPU implementer\t": f"{cluster.implementer or 0:#04x}",
        "CPU architecture": "8" if device.word_size == 64 else "7",
        "CPU variant\t": f"{cluster.variant or 0:#x}",
        "CPU part\t": f"{cluster.part or 0:#05x}",
        "CPU revision\t": str(revision),
    }
    text = "".join(f"{label}: {value}\n" for label, value in lines.items())
    return text if device.word_size == 64 else f"model name\t: {name}\n{text}"
