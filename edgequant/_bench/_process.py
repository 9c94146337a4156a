"""A configuration on this machine, in a process of its own."""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any, Self

from edgequant_runtime import ProfileStep, Session, SessionError

from edgequant._bench_worker import fill_inputs
from edgequant._errors import EdgequantError

from ._plan import Configuration, Turn
from ._timer import PROFILED_RUNS, Timing


class ProcessTimer:
    """Times a configuration in a process that stays for all rounds; see `edgequant._bench_worker`."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def __enter__(self) -> Self:
        # -P: a file in the user's folder must not stand in for a module of ours.
        command = [sys.executable, "-P", "-m", "edgequant._bench_worker"]
        # A session of its own: Ctrl-C is for this process, which then ends the other.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            self._loaded = self._ask({**asdict(self.configuration), "model": str(self.configuration.model)})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def processes(self) -> tuple[int, ...]:
        """The number of its process."""
        return (self._process.pid,)

    def time(self, turn: Turn) -> Timing:
        """Have the process take a turn."""
        return Timing(**self._loaded, **self._ask(asdict(turn)))

    def profile(self) -> tuple[ProfileStep, ...] | None:
        """Run the native engine once more, in this process, with a clock around every step."""
        if self.configuration.engine != "native":
            return None
        asked = self.configuration
        session = Session(
            asked.model, threads=asked.threads, engine="native", profile=True, input_shapes=asked.input_shapes
        )
        for _ in range(PROFILED_RUNS):
            fill_inputs(session)
            session.invoke()
        return session.profile()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self._process.wait()
            raise EdgequantError(
                f"The process that ran {self.configuration.model.name} on {self.configuration.engine} ended with code "
                f"{code}: the engine crashed, or the system ran out of memory."
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise SessionError(reply["error"])
        return reply
