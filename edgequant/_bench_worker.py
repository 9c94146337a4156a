"""The process that holds one configuration of a benchmark, so that its memory and its crashes are its own.

It is asked first for the configuration, then for each round. On this machine it is a worker as those of
`edgequant_runtime.isolation` are. On boards it is a file of its own, together with edgequant_runtime, which is asked in
JSON by its arguments and answers each with a line. It imports nothing but numpy, the runtime and one engine, and runs
on every Python that the runtime does.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import ProfileStep, Session, SessionError, TensorInfo, engine_version
from edgequant_runtime.isolation import serve
from numpy.typing import NDArray


class _Configuration:
    def __init__(
        self,
        model: str,
        engine: str,
        threads: int,
        input_shapes: dict[str, list[int]] | None = None,
        precision: str = "float32",
    ) -> None:
        self._opened_with: dict[str, Any] = {"engine": engine, "threads": threads, "input_shapes": input_shapes}
        self._opened_with["precision"] = precision
        self._model = model
        self.engine_version = engine_version(engine)
        self.baseline_rss_bytes = peak_rss_bytes()
        start = time.perf_counter_ns()
        self._session = Session(model, **self._opened_with)
        if self._session.imitates_float16:
            raise SessionError(
                "This CPU has no arithmetic on float16, and times of an imitation say nothing: leave --precision out."
            )
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

    def profile(self, runs: int) -> tuple[ProfileStep, ...]:
        """Return what each step costs, in a session of its own with a clock around every step."""
        session = Session(self._model, profile=True, **self._opened_with)
        for _ in range(runs):
            fill_inputs(session)
            session.invoke()
        return session.profile()


def fill_inputs(session: Session) -> None:
    """Write seeded values into the session's inputs, as `made_input` makes them."""
    generator = np.random.default_rng(0)
    for info in session.inputs:
        view = session.input_view(info.name)
        view[...] = made_input(info, view.shape, generator)


def made_input(info: TensorInfo, shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[Any]:
    """Return values for an input: normal floats, quantized integers over their whole range."""
    if info.dtype.kind == "f":
        return np.asarray(generator.standard_normal(shape)).astype(info.dtype)
    if info.is_quantized:
        limits = np.iinfo(info.dtype)
        return np.asarray(generator.integers(limits.min, limits.max, shape, endpoint=True)).astype(info.dtype)
    return np.zeros(shape, info.dtype)  # indices: 0 is always a valid one


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


class _Bench:
    def __init__(self) -> None:
        self._configuration: _Configuration | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Open the configuration at the first request; time a round, or measure its steps, at the others."""
        if self._configuration is None:
            self._configuration = opened = _Configuration(**request)
            return {"load_ms": opened.load_ms, "engine_version": opened.engine_version}
        if "profiled_runs" in request:
            return {"steps": [astuple(step) for step in self._configuration.profile(request["profiled_runs"])]}
        return {
            "latencies_ns": self._configuration.time_round(**request),
            "peak_rss_bytes": peak_rss_bytes(),
            "baseline_rss_bytes": self._configuration.baseline_rss_bytes,
        }


def main() -> None:
    """Answer the arguments, or without them the process that started this one."""
    bench = _Bench()
    if not sys.argv[1:]:
        serve(lambda request, arrays, notify: (bench.answer(request), ()))
        return
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an engine prints must not get among the replies
    try:
        for request in sys.argv[1:]:
            replies.write(json.dumps(bench.answer(json.loads(request))) + "\n")
    except SessionError as error:
        replies.write(json.dumps({"error": str(error)}) + "\n")
    replies.close()


if __name__ == "__main__":
    main()
