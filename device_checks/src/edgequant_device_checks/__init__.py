"""What a device is, which number format and engine suit it, and why. Standard library only; Python 3.9 or later.

>>> from edgequant_device_checks import for_board, recommend
>>> recommend(for_board("pi4")).format
'int8'

Each part is imported when it is first used, so that importing this package costs a small board little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._errors import DeviceCheckError

if TYPE_CHECKING:
    from ._boards import Board, boards, for_board
    from ._device import Cache, Cluster, Device
    from ._measurements import read_measurements
    from ._probe import from_bytes, from_file, from_text, probe
    from ._recommend import Recommendation, recommend
    from ._sections import collector_script
    from ._ssh import HOST_KEY_SETTINGS, explain_ssh_failure, is_ssh_host, over_ssh
    from ._summary import summary
    from ._wheels import WheelStatus, wheel_for_engine, wheels_for

__all__ = [
    "HOST_KEY_SETTINGS",
    "Board",
    "Cache",
    "Cluster",
    "Device",
    "DeviceCheckError",
    "Recommendation",
    "WheelStatus",
    "boards",
    "collector_script",
    "explain_ssh_failure",
    "for_board",
    "from_bytes",
    "from_file",
    "from_text",
    "is_ssh_host",
    "over_ssh",
    "probe",
    "read_measurements",
    "recommend",
    "summary",
    "wheel_for_engine",
    "wheels_for",
]

_HOMES = {
    "HOST_KEY_SETTINGS": "_ssh",
    "Board": "_boards",
    "Cache": "_device",
    "Cluster": "_device",
    "Device": "_device",
    "Recommendation": "_recommend",
    "WheelStatus": "_wheels",
    "boards": "_boards",
    "collector_script": "_sections",
    "explain_ssh_failure": "_ssh",
    "for_board": "_boards",
    "from_bytes": "_probe",
    "from_file": "_probe",
    "from_text": "_probe",
    "is_ssh_host": "_ssh",
    "over_ssh": "_ssh",
    "probe": "_probe",
    "read_measurements": "_measurements",
    "recommend": "_recommend",
    "summary": "_summary",
    "wheel_for_engine": "_wheels",
    "wheels_for": "_wheels",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
