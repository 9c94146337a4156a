"""The goldens, one after the other; only where the bits differ are the board's values fetched."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._errors import EdgequantError

from ._compare import difference, is_near, read_array
from ._program import Answer, Program
from ._result import GoldenResult, GoldenRun, Latency, OutputResult, SmokeError, SmokeResult

if TYPE_CHECKING:
    from edgequant._bundle import Golden, TensorFile


def run_goldens(
    result: SmokeResult,
    program: Program,
    thread_counts: Sequence[int],
    repeat: int,
    progress: Callable[[str, int, int | None], None],
) -> None:
    """Run each golden with each number of threads; the first one `repeat` times, which gives the latencies."""
    goldens = program.bundle.manifest.goldens
    if not any(golden.outputs for golden in goldens):
        raise SmokeError(
            "The bundle has no goldens, so nothing can be compared: make it again with 'edgequant bundle'."
        )
    total, done = len(goldens) * len(thread_counts), 0
    for number, golden in enumerate(goldens):
        runs: list[GoldenRun] = []
        found = GoldenResult(number, golden.kind, runs)
        try:
            for threads in thread_counts:
                progress(f"golden {number} ({golden.kind})", done, total)
                run, answer = _run_golden(program, golden, threads, 1 if number else repeat)
                runs.append(run)
                _measure(result, answer, threads, is_first=number == 0)
                done += 1
        finally:  # one that was cut off counts if it has proved a difference
            if len(runs) == len(thread_counts) or found.status == "different":
                result.goldens.append(found)


def _measure(result: SmokeResult, answer: Answer, threads: int, *, is_first: bool) -> None:
    if is_first:
        result.latencies.append(Latency(threads, answer.runs, answer.median_us, answer.min_us, answer.open_us))
    before = result.memory or {}
    result.memory = {part: max(count, before.get(part, 0)) for part, count in answer.memory.items()}


def _run_golden(program: Program, golden: "Golden", threads: int, repeat: int) -> tuple[GoldenRun, Answer]:
    begin = time.monotonic()
    answer = program.run(golden, threads=threads, repeat=repeat)
    seconds = time.monotonic() - begin
    differing = {i for i, digest in enumerate(answer.digests) if digest != golden.outputs[i].data_sha256}
    details = _details(program, golden, threads, answer, differing) if differing else {}
    outputs = tuple(
        details.get(i, OutputResult(tensor.name, "equal", answer.digests[i])) for i, tensor in enumerate(golden.outputs)
    )
    return GoldenRun(threads, answer.kernels, outputs, seconds), answer


def _details(
    program: Program, golden: "Golden", threads: int, first: Answer, differing: set[int]
) -> dict[int, OutputResult]:
    """Return how the outputs differ; that they do is proved, whatever fails from here on."""
    try:
        return _fetch_details(program, golden, threads, first, differing)
    except EdgequantError as error:
        detail = f"its values did not come here: {str(error).rstrip('.')}"
        return {i: OutputResult(golden.outputs[i].name, "different", first.digests[i], detail) for i in differing}


def _fetch_details(
    program: Program, golden: "Golden", threads: int, first: Answer, differing: set[int]
) -> dict[int, OutputResult]:
    """Run the golden once more, have the outputs written, and bring those here that differ."""
    details = {}
    with program.transport.temporary_folder() as there, tempfile.TemporaryDirectory(prefix="edgequant-") as here:
        files = [there / f"output-{i}.npy" for i in range(len(golden.outputs))]
        again = program.run(golden, threads=threads, outputs=files)
        for i in sorted(differing):
            fetched = Path(here, f"output-{i}.npy")
            program.transport.get(files[i], fetched)
            is_same = again.digests[i] == first.digests[i]
            details[i] = _judge(program, golden.outputs[i], fetched, first.digests[i], is_repeatable=is_same)
    return details


def _judge(program: Program, tensor: "TensorFile", fetched: Path, digest: str, *, is_repeatable: bool) -> OutputResult:
    if not is_repeatable:
        unstable = "other values at each run: suspect the board's memory, clock or power supply"
        return OutputResult(tensor.name, "different", digest, unstable)
    expected, got = read_array(program.bundle.folder / tensor.path), read_array(fetched)
    if expected is None or got is None or (expected.shape, expected.dtype) != (got.shape, got.dtype):
        types = " and ".join(
            "no array" if array is None else f"{array.dtype} {array.shape}" for array in (expected, got)
        )
        return OutputResult(tensor.name, "different", digest, f"not of one type and shape: {types}")
    found = difference(expected, got)
    if found is None:
        return OutputResult(
            tensor.name, "different", digest, "the digest differs, and the values that came here do not"
        )
    near = is_near(expected, found, program.tolerance(tensor.name))
    return OutputResult(tensor.name, "within tolerance" if near else "different", digest, found.sentence, found)
