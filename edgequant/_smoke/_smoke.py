"""The order of the steps."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from edgequant_device_checks import DeviceCheckError

from edgequant._errors import EdgequantError
from edgequant._progress import Progress, silent
from edgequant._targets import find_target

from ._checks import check_device
from ._goldens import run_goldens
from ._program import Program
from ._result import SmokeResult
from ._script import Script, run_script

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Bundle
    from edgequant._targets import Target
    from edgequant._transports import Transport


REPEAT = 10
THREADS_MAX = 256  # of the runner


def smoke(
    bundle: "Bundle",
    transport: "Transport",
    *,
    target: "Target | None" = None,
    folder: PurePosixPath | None = None,
    name: str | None = None,
    threads: int | None = None,
    repeat: int | None = None,
    timeout: float = 60,
    python: str = "python3",
    progress: Progress = silent,
) -> SmokeResult:
    """Run every golden of a bundle on a computer and compare the outputs' bits.

    What keeps it from running does not raise: it is the result's `error`. `target` is what the device is held against,
    the bundle's own if None. The bundle is copied to a temporary folder, which is removed; with `folder` it is there
    already, unpacked, and nothing is written to it. The goldens run with one thread and with one for each core, or
    with `threads` alone; `repeat` inferences of the first are timed (None: 10, under emulation 1). A run may take
    `timeout` seconds. `python` is the computer's interpreter with the wheels of a bundle without runner.
    """
    result = SmokeResult(name or f"bundle {bundle.digest[:12]}", transport.title, transport.is_emulated)
    result.digest, result.manifest = bundle.digest, bundle.manifest
    repeat = repeat or (1 if transport.is_emulated else REPEAT)
    begin = time.monotonic()
    try:
        target = target or find_target(bundle.manifest.target)
        progress("asking what the device is", 0, None)
        result.device = transport.device()
        result.load = None if transport.is_emulated else _load(transport)
        counts = _thread_counts(threads, result.device)
        with _unpacked_there(bundle, transport, folder, progress) as place:
            if bundle.manifest.runner is None:
                result.checks = check_device(bundle.manifest, target, result.device, None, is_emulated=False)
                script = Script(transport, result.device, bundle, place, python, timeout)
                run_script(result, script, counts, repeat, progress)
            else:
                program = Program(transport, result.device, bundle, place, timeout)
                progress("starting the runner", 0, None)
                _check(result, target, program)
                run_goldens(result, program, counts, repeat, progress)
    except (EdgequantError, DeviceCheckError) as error:
        result.error = str(error)
    result.seconds = time.monotonic() - begin
    return result


def _load(transport: "Transport") -> float | None:
    """Return the load average of the last minute, None where it is not told."""
    found = re.match(r"\d{1,9}\.\d{1,9}\b", transport.run(["cat", "/proc/loadavg"]).text)
    return float(found[0]) if found else None


@contextmanager
def _unpacked_there(
    bundle: "Bundle", transport: "Transport", folder: PurePosixPath | None, progress: Progress
) -> Iterator[PurePosixPath]:
    if folder is not None:
        yield folder
        return
    with transport.temporary_folder() as temporary:
        progress(f"copying the bundle to {transport.title}", 0, None)
        transport.put_tree(bundle.folder, temporary / "bundle")
        yield temporary / "bundle"


def _check(result: SmokeResult, target: "Target", program: Program) -> None:
    """Hold the device against the target: before the runner is started, and again with what its probe says."""
    hold = partial(check_device, program.bundle.manifest, target, program.device, is_emulated=result.is_emulated)
    result.checks = hold(None)
    result.probe = program.probe()
    result.checks = hold(result.probe)


def _thread_counts(threads: int | None, device: "Device") -> Sequence[int]:
    return [threads] if threads else sorted({1, min(max(device.cpu_count, 1), THREADS_MAX)})
