"""What suits which device, and which of the family's files that is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgequant_device_checks import DeviceCheckError, for_board, probe, recommend

from ._measured import Measured
from ._result import THIS_MACHINE, DeviceAdvice, ModelReport

if TYPE_CHECKING:
    from edgequant_device_checks import Device

SUFFIXES = {"native": ".tflite", "litert": ".tflite", "onnxruntime": ".onnx"}


def find_devices(boards: Sequence[str], measured: Sequence[Measured]) -> "dict[str, Device]":
    """Return this machine, the named boards, and those measured devices whose names are boards.

    Raises DeviceCheckError for a name in `boards` that is none.
    """
    devices = {THIS_MACHINE: probe(), **{board: for_board(board) for board in boards}}
    for name in (one.device for one in measured if one.device not in devices):
        try:
            devices[name] = for_board(name)
        except DeviceCheckError:
            continue  # a name of the user's own; its latencies are shown without advice
    return devices


def advise(
    devices: "Mapping[str, Device]", measured: Sequence[Measured], models: Sequence[ModelReport]
) -> tuple[DeviceAdvice, ...]:
    """Recommend for each device, by its measurements where there are some."""
    latencies = {one.device: one.by_format() for one in measured}
    advice = []
    for name, device in devices.items():
        found = recommend(device, latencies.get(name) or None)
        files = tuple(m.file for m in models if m.format == found.format and _runs(m.file, found.engine))
        title = device.model or device.core_names
        advice.append(DeviceAdvice(name, title, found.format, found.engine, found.measured, found.reasons, files))
    return tuple(advice)


def _runs(file: str, engine: str | None) -> bool:
    return engine is None or file.lower().endswith(SUFFIXES.get(engine, ""))
