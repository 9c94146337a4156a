"""What other programs take of this machine's processors while something is timed on it."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

_STAT = Path("/proc/stat")
# Fields of /proc/stat's first line that are no work: idle and iowait; guests' time is in user's too.
_IDLE = (3, 4)
_COUNTED = 8
_SHORTEST_SECONDS = 0.1  # the kernel counts in ticks of 10 ms, and may count some of an earlier moment


class Contention:
    """Counts the processor time of all programs from when it is made, and of those that are the measurement's own."""

    def __init__(self, own: Iterable[int]) -> None:
        """Begin to count; `own` are the numbers of the measurement's processes, beside this one."""
        self._own = (os.getpid(), *own)
        self._start = self._read()

    def other_cores(self) -> float | None:
        """Return how many processors other programs kept busy since the beginning, on average; None if unknown."""
        now = self._read()
        if self._start is None or now is None or now[0] - self._start[0] < _SHORTEST_SECONDS:
            return None
        seconds, busy, own = (after - before for after, before in zip(now, self._start, strict=True))
        return max(0.0, busy - own) / seconds

    def _read(self) -> tuple[float, float, float] | None:
        """Return the time, and the processor seconds of all programs and of our own; None where there is no /proc."""
        try:
            fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1 : 1 + _COUNTED]]
            own = sum(_seconds_of(process) for process in self._own)
        except (OSError, ValueError, IndexError):
            return None
        busy = sum(field for number, field in enumerate(fields) if number not in _IDLE)
        return time.monotonic(), busy / os.sysconf("SC_CLK_TCK"), own


def _seconds_of(process: int) -> float:
    # The name, in brackets, may hold anything; user and system time are the 12th and 13th field after it.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
