"""What spoils measurements: heat, a weak power supply, a clock that changes, other programs."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgequant._transports import Transport

BUSY_LOAD = 0.5
"""The load average from which other programs are told of."""

BUSY_CORES = 0.25
"""How many processors other programs must keep busy during the timing to be told of."""

_PATIENCE_SECONDS = 10

# A word and a value a line, of whatever the board has. Nothing but a shell is needed; vcgencmd is Raspberry Pi OS's.
_SCRIPT = """
for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
    read -r value <"$file" && echo "governor $value"
done
read -r value rest </proc/loadavg && echo "load $value"
for file in /sys/class/thermal/thermal_zone*/temp; do
    read -r value <"$file" && echo "millicelsius $value"
done
value=$(vcgencmd get_throttled) && echo "throttled ${value#*=}"
exit 0
"""

# The bits of get_throttled by what they mean; those of what has happened since the start are 16 places higher.
_SLOWED = {
    0: "its supply voltage was too low: take a stronger power supply and a short cable",
    1: "its clock was capped",
    2: "it was throttled for heat: cool it",
    3: "it reached the soft limit of its temperature: cool it",
}
_SINCE_START = 16


@dataclass(frozen=True, slots=True)
class State:
    """A computer at one moment; None or () for what it does not tell.

    `governors` are the different ones of its cores, `load_average` that of the last minute, `celsius` the hottest
    sensor's, and `throttled` the bits of Raspberry Pi's `vcgencmd get_throttled`.
    """

    governors: tuple[str, ...] = ()
    load_average: float | None = None
    celsius: float | None = None
    throttled: int | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """A computer before anything was copied to it or loaded, and right after the last round.

    `other_cores` is how many processors other programs kept busy during the rounds, on average; None on a board.
    """

    before: State
    after: State
    other_cores: float | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what may have spoilt the figures."""
        return (*_notes(self.before, self.after), *_contention(self.other_cores))


def read_state_here() -> State:
    """Return how this machine is, as far as it tells."""
    command = ["sh", "-c", _SCRIPT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):  # without a POSIX shell
        return State()
    return parse_state(done.stdout)


def read_state(transport: "Transport") -> State:
    """Ask a computer how it is; what it cannot tell is left out."""
    return parse_state(transport.run(["sh", "-c", _SCRIPT]).text)


def parse_state(text: str) -> State:
    """Return what the script's lines say; others, such as a shell's greeting, are passed over."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, value = line.partition(" ")
        found.setdefault(word, []).append(value.strip())
    loads = _numbers(found.get("load", ()))
    heats = _numbers(found.get("millicelsius", ()))
    bits = [int(value, 16) for value in found.get("throttled", ()) if re.fullmatch(r"0x[0-9a-fA-F]+", value)]
    return State(
        governors=tuple(sorted({value for value in found.get("governor", ()) if value})),
        load_average=loads[0] if loads else None,
        celsius=max(heats) / 1000 if heats else None,
        throttled=bits[0] if bits else None,
    )


def _numbers(values: "list[str] | tuple[()]") -> list[float]:
    return [float(value) for value in values if re.fullmatch(r"-?\d+(\.\d+)?", value)]


def _notes(before: State, after: State) -> Iterator[str]:
    yield from _throttling(before.throttled or 0, after.throttled or 0)
    changing = [name for name in after.governors if name != "performance"]
    if changing:
        yield (
            f"The clock may have changed (governor {', '.join(changing)}). To hold it: "
            "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        )
    if before.load_average is not None and before.load_average >= BUSY_LOAD:
        yield (
            f"It was busy before the start (load average {before.load_average:.2f}), with other programs or an earlier "
            "benchmark: figures may be too high."
        )


def _contention(other_cores: float | None) -> Iterator[str]:
    if other_cores is not None and other_cores >= BUSY_CORES:
        cores = os.cpu_count() or 1
        yield (
            f"Other programs kept {min(other_cores, cores):.1f} of {cores} processors busy while it was timed: figures "
            "are too high. End them, and time again."
        )


def _throttling(before: int, after: int) -> Iterator[str]:
    for bit, sentence in _SLOWED.items():
        now, since_start = 1 << bit, 1 << (bit + _SINCE_START)
        if after & now or (after & since_start and not before & since_start):
            yield f"The board was slowed down while it was timed: {sentence}."
        elif after & since_start:
            yield f"The board was slowed down at some time since its start: {sentence}."
