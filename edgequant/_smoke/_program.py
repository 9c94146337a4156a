"""edgequant-run on a computer: its answers, and what it means when it does not answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from edgequant._bundle import TensorFile

from ._answer import read_object, real, whole
from ._cause import explain
from ._result import SmokeError

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Bundle, Golden
    from edgequant._transports import Transport


@dataclass(frozen=True, slots=True)
class Answer:
    """What one start of the program gave: times in microseconds, and the outputs, in the model's order.

    An output is described as its golden is, so that the two are equal where the board gives what it should. `open_us`
    is how long it took to open the model, which old programs do not tell.
    """

    kernels: str
    outputs: tuple[TensorFile, ...]
    runs: int
    median_us: float
    min_us: float
    open_us: float | None
    memory: Mapping[str, int]


class Program:
    """The runner of a bundle that lies unpacked in a folder of a computer; every method raises SmokeError."""

    def __init__(
        self, transport: "Transport", device: "Device", bundle: "Bundle", folder: PurePosixPath, timeout: float
    ) -> None:
        self.transport, self.device, self.bundle = transport, device, bundle
        self._folder, self._timeout = folder, timeout

    def probe(self) -> dict[str, Any]:
        """Return what the program says of the device."""
        document = self._ask("--probe")
        cpu, memory = document.get("cpu"), document.get("memory_available_bytes", 0)
        features = cpu.get("features") if isinstance(cpu, dict) else None
        if not isinstance(features, list) or not all(isinstance(name, str) for name in features):
            raise SmokeError(f"{self._what} did not tell the CPU's features: it is another program.")
        if type(memory) is not int or memory < 0:
            raise SmokeError(f"{self._what} did not tell the memory in bytes: it is another program.")
        return document

    @property
    def _what(self) -> str:
        return f"edgequant-run on {self.transport.title}"

    def tolerance(self, output: str) -> float:
        """Return how far that output may be from the golden one; see the manifest's Output."""
        return next((entry.tolerance for entry in self.bundle.manifest.outputs if entry.name == output), 0.0)

    def run(self, golden: "Golden", *, threads: int, repeat: int = 1, outputs: Sequence[PurePosixPath] = ()) -> Answer:
        """Run the model on a golden's inputs, `repeat` times unless that takes too long.

        With `outputs`, write each output to that .npy file there.
        """
        words: list[str | PurePosixPath] = [self._folder / self.bundle.manifest.model.path, "--json"]
        words += ["--threads", str(threads), "--repeat", str(repeat)]
        words += ["--seconds", f"{self._timeout / 4:g}"] if repeat > 1 else []  # a slow model is timed less often
        words += [word for tensor in golden.inputs for word in ("--input", self._folder / tensor.path)]
        words += [word for path in outputs for word in ("--output", path)]
        try:
            return self._answer(self._ask(*words), golden)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise SmokeError(f"edgequant-run's answer is not the one of this version: {error!r} in it.") from None

    def _answer(self, document: Mapping[str, Any], golden: "Golden") -> Answer:
        count = len(document["outputs"])
        if count != len(golden.outputs):
            raise SmokeError(
                f"edgequant-run gave {count} outputs on {self.transport.title}, and the goldens have "
                f"{len(golden.outputs)}: make the bundle again."
            )
        pairs = zip(golden.outputs, document["outputs"], strict=True)
        return Answer(
            kernels=str(document["kernels"]),
            outputs=tuple(_output(expected.path, output) for expected, output in pairs),
            runs=whole(document["runs"]),
            median_us=real(document["median_us"]),
            min_us=real(document["min_us"]),
            open_us=real(document["open_us"]) if "open_us" in document else None,
            memory={part: whole(count) for part, count in document["memory_bytes"].items()},
        )

    def _ask(self, *words: str | PurePosixPath) -> dict[str, Any]:
        runner = self.bundle.manifest.runner
        assert runner is not None
        program = self._folder / runner.path
        finished = self.transport.run([program, *words], timeout=self._timeout)
        if finished.status != 0:
            raise SmokeError(explain(finished, self.bundle.manifest, self.transport.title, self.device, program))
        document = read_object(finished.text)
        if document is None:
            raise SmokeError(f"{self._what} printed no JSON: is {program} another program?")
        return document


def _output(path: str, output: Mapping[str, Any]) -> TensorFile:
    shape = tuple(whole(size) for size in output["shape"])
    return TensorFile(str(output["name"]), path, str(output["type"]), shape, str(output["sha256"]))
