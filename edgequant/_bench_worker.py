"""The process that holds one configuration of a benchmark, so that its memory and its crashes are its own.

It is asked in JSON, first for the configuration, then for each round: by its arguments, or without them by the lines of
standard input. It answers each with a line. Started as `python -m edgequant._bench_worker`, and on boards as a file of
its own, together with edgequant_runtime: it imports nothing but numpy, the runtime and one engine, and runs on every
Python that the runtime does.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import Session, SessionError, engine_version


class _Configuration:
    def __init__(self, model: str, engine: str, threads: int, input_shapes: dict[str, list[int]] | None = None) -> None:
        self.engine_version = engine_version(engine)
        self.baseline_rss_bytes = peak_rss_bytes()
        start = time.perf_counter_ns()
        self._session = Session(model, engine=engine, threads=threads, input_shapes=input_shapes)
        self.load_ms = (time.perf_counter_ns() - start) / 1e6
        fill_inputs(self._session)
        self._session.invoke()

    def time_round(self, runs: int | None, seconds: float | None, warm_up: float) -> list[int]:
        """Return nanoseconds of each inference: `runs` of them, but none is started after `seconds`, except the first.

        For `warm_up` seconds, and at least once, it runs uncounted: another configuration has had the caches since.
        """
        fill_inputs(self._session)
        latencies: list[int] = []
        invoke, now = self._session.invoke, time.perf_counter_ns
        warm = now() + int(warm_up * 1e9)
        invoke()
        while now() < warm:
            invoke()
        end = None if seconds is None else now() + int(seconds * 1e9)
        while (runs is None or len(latencies) < runs) and (end is None or not latencies or now() < end):
            start = now()
            invoke()
            latencies.append(now() - start)
        return latencies


def fill_inputs(session: Session) -> None:
    """Write seeded values into the session's inputs: normal floats, quantized integers over their whole range."""
    generator = np.random.default_rng(0)
    for info in session.inputs:
        view = session.input_view(info.name)
        if info.dtype.kind == "f":
            view[...] = generator.standard_normal(view.shape)
        elif info.is_quantized:
            limits = np.iinfo(info.dtype)
            view[...] = generator.integers(limits.min, limits.max, view.shape, endpoint=True)
        else:
            view[...] = 0  # indices: 0 is always a valid one


def peak_rss_bytes() -> int:
    """Return the largest resident set of this process so far.

    On Linux from /proc, because getrusage counts in the memory of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Serve requests until there are no more."""
    requests = iter(sys.argv[1:] or sys.stdin)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an engine prints must not get among the replies

    def reply(document: dict[str, Any]) -> None:
        replies.write(json.dumps(document) + "\n")
        replies.flush()

    asked = next(requests, None)
    if asked is None:
        return  # who started this was interrupted before it could ask
    try:
        configuration = _Configuration(**json.loads(asked))
        reply({"load_ms": configuration.load_ms, "engine_version": configuration.engine_version})
        for request in requests:
            latencies = configuration.time_round(**json.loads(request))
            reply({
                "latencies_ns": latencies,
                "peak_rss_bytes": peak_rss_bytes(),
                "baseline_rss_bytes": configuration.baseline_rss_bytes,
            })  # fmt: skip
    except SessionError as error:
        reply({"error": str(error)})


if __name__ == "__main__":
    main()
