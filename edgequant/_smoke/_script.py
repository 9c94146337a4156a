"""A bundle that brings wheels in place of a runner: its own smoke.py runs the goldens in the board's Python."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ._answer import printable, read_object, real, whole
from ._cause import explain_signal
from ._result import Difference, GoldenResult, GoldenRun, Latency, OutputResult, SmokeError, SmokeResult

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Bundle, Golden, Manifest, TensorFile
    from edgequant._transports import Transport

VENV = "edgequant-venv"


class Script:
    """smoke.py of a bundle that lies unpacked in a folder of a computer; every method raises SmokeError."""

    def __init__(
        self,
        transport: "Transport",
        device: "Device",
        bundle: "Bundle",
        folder: PurePosixPath,
        python: str,
        timeout: float,
    ) -> None:
        if transport.is_emulated:
            raise SmokeError(
                f"This bundle runs its model with {bundle.manifest.model.engine} in the board's Python, which is not "
                "emulated: test it on the board with --host."
            )
        self.transport, self.device, self.bundle = transport, device, bundle
        self._script, self._timeout = folder / "smoke.py", timeout
        self._python = _absolute(python, transport)

    def run(self, threads: int, repeat: int) -> dict[str, Any]:
        """Run all goldens; return what smoke.py prints, which says how it looks."""
        words: list[str | PurePosixPath] = [
            self._python,
            self._script,
            "--threads",
            str(threads),
            "--repeat",
            str(repeat),
        ]
        finished = self.transport.run(words, timeout=self._timeout * (len(self.bundle.manifest.goldens) + 1))
        if finished.signal is not None:
            title = self.transport.title
            raise SmokeError(explain_signal(finished.signal, "Python", self.bundle.manifest, title, self.device))
        if finished.status in (126, 127):
            raise SmokeError(
                f"There is no {self._python} on {self.transport.title}, and this bundle needs Python: name one with "
                "--python, or install python3 there."
            )
        document = read_object(finished.text)
        if document is None:
            complaint = printable(finished.complaint).rstrip(".")
            raise SmokeError(f"smoke.py failed on {self.transport.title}: {complaint}.")
        if "error" in document:
            raise SmokeError(self._explain(printable(str(document["error"]))))
        if finished.status != int(document.get("result") == "different"):
            complaint = printable(finished.complaint).rstrip(".")
            raise SmokeError(
                f"smoke.py ended with exit code {finished.status} on {self.transport.title}, which does not go with "
                f"its answer: {complaint}."
            )
        return document

    def _explain(self, error: str) -> str:
        if "No module named" not in error:
            return f"On {self.transport.title}: {error}"
        missing = error.split(":")[0]
        return (
            f"{self._python} on {self.transport.title} lacks the bundle's wheels ({missing}): unpack the bundle there, "
            f"run 'python3 -m venv ~/{VENV} && ~/{VENV}/bin/python -m pip install --require-hashes --only-binary :all: "
            f"-r {self.bundle.folder.name}/wheels.txt', and add --python {VENV}/bin/python here."
        )


def run_script(
    result: SmokeResult,
    script: Script,
    thread_counts: Sequence[int],
    repeat: int,
    progress: Callable[[str, int, int | None], None],
) -> None:
    """Run all goldens with each number of threads."""
    goldens = script.bundle.manifest.goldens
    found = [GoldenResult(number, golden.kind, []) for number, golden in enumerate(goldens)]
    try:
        for done, threads in enumerate(thread_counts):
            progress(f"all goldens with {threads} threads", done, len(thread_counts))
            document = script.run(threads, repeat)
            try:
                runs = _take(result, document, script.bundle.manifest, threads)
            except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                raise SmokeError(f"smoke.py's answer is not the one of this version: {error!r} in it.") from None
            for its, run in zip(found, runs, strict=True):
                its.runs.append(run)
    finally:
        result.keep(found, len(thread_counts))


def _take(result: SmokeResult, document: Mapping[str, Any], manifest: "Manifest", threads: int) -> list[GoldenRun]:
    runs = [
        _run(golden, told, manifest, threads)
        for golden, told in zip(manifest.goldens, document["goldens"], strict=True)
    ]
    statuses = {output.status for run in runs for output in run.outputs}
    if (document["result"] == "different") != ("different" in statuses):
        raise ValueError(f"the result {document['result']!r}, which is not that of its goldens,")
    times = [real(us) for us in document["goldens"][0]["us"]]
    latency = Latency(threads, len(times), statistics.median(times), min(times), real(document["open_us"]))
    peak = whole(document["peak_memory_bytes"] or 0)
    result.probe = {key: str(document[key]) for key in ("engine", "version", "python")}
    result.latencies.append(latency)
    result.memory = {"peak_of_process": max(peak, (result.memory or {}).get("peak_of_process", 0))}
    return runs


def _run(golden: "Golden", told: Mapping[str, Any], manifest: "Manifest", threads: int) -> GoldenRun:
    pairs = zip(golden.outputs, manifest.outputs, told["outputs"], strict=True)
    outputs = tuple(_output(expected, output.tolerance, found) for expected, output, found in pairs)
    return GoldenRun(threads, manifest.model.engine, outputs, sum(map(real, told["us"])) / 1e6)


def _output(expected: "TensorFile", tolerance: float, found: Mapping[str, Any]) -> OutputResult:
    """Return what smoke.py says of an output, as far as it can be true."""
    name, digest, status = expected.name, str(found["sha256"]), found["status"]
    if found["name"] != name:
        raise ValueError(f"an output {found['name']!r} in place of {name!r}")
    possible = {"different", *(["equal"] if digest == expected.data_sha256 else ["within tolerance"] * (tolerance > 0))}
    if status not in possible:
        raise ValueError(f"an output {name!r} said to be {status!r}, which it cannot be,")
    if status == "equal":
        return OutputResult(name, "equal", digest)
    if found["first"] is None:
        return OutputResult(name, status, digest, "not of one type and shape")
    difference = Difference(
        whole(found["different"]),
        whole(found["values"]),
        tuple(whole(place) for place in found["first"]),
        _number(found["expected"], math.nan),
        _number(found["got"], math.nan),
        _number(found["largest"], math.inf),
    )
    return OutputResult(name, status, digest, difference.sentence, difference)


def _number(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else real(value)


def _absolute(python: str, transport: "Transport") -> str:
    """Return the interpreter as a program to run: names are looked up there, other paths start at the home folder."""
    path = python.removeprefix("~/")
    return python if "/" not in python else str(transport.home() / path)
