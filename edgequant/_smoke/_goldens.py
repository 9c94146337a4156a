"""The goldens, one after the other; only where the bits differ are the board's values fetched."""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._errors import EdgequantError

from ._compare import difference, is_near, read_arrays
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
    found = [GoldenResult(number, golden.kind, []) for number, golden in enumerate(goldens)]
    total, done = len(goldens) * len(thread_counts), 0
    try:
        for golden, its in zip(goldens, found, strict=True):
            for threads in thread_counts:
                progress(f"golden {its.number} ({golden.kind})", done, total)
                run, answer = _run_golden(program, golden, threads, 1 if its.number else repeat)
                its.runs.append(run)
                _measure(result, answer, threads, is_first=its.number == 0)
                done += 1
    finally:
        result.keep(found, len(thread_counts))


def _measure(result: SmokeResult, answer: Answer, threads: int, *, is_first: bool) -> None:
    if is_first:
        result.latencies.append(Latency(threads, answer.runs, answer.median_us, answer.min_us, answer.open_us))
    before = result.memory or {}
    result.memory = {part: max(count, before.get(part, 0)) for part, count in answer.memory.items()}


def _run_golden(program: Program, golden: "Golden", threads: int, repeat: int) -> tuple[GoldenRun, Answer]:
    begin = time.monotonic()
    answer = program.run(golden, threads=threads, repeat=repeat)
    seconds = time.monotonic() - begin
    judged = [_judge_description(*pair) for pair in zip(golden.outputs, answer.outputs, strict=True)]
    differing = [i for i, output in enumerate(judged) if output is None]
    details = _details(program, golden, threads, answer, differing) if differing else {}
    outputs = tuple(output or details[i] for i, output in enumerate(judged))
    return GoldenRun(threads, answer.kernels, outputs, seconds), answer


def _judge_description(expected: "TensorFile", got: "TensorFile") -> OutputResult | None:
    """Judge an output by its name, type, shape and digest; None if it is its values that differ."""
    if got == expected:
        return OutputResult(expected.name, "equal", got.data_sha256)
    if (got.name, got.dtype, got.shape) == (expected.name, expected.dtype, expected.shape):
        return None
    detail = f"{_described(expected)} expected, {_described(got)} got"
    return OutputResult(expected.name, "different", got.data_sha256, detail)


def _described(tensor: "TensorFile") -> str:
    return f"{tensor.name}: {tensor.dtype} {list(tensor.shape)}"


def _details(
    program: Program, golden: "Golden", threads: int, first: Answer, differing: Sequence[int]
) -> dict[int, OutputResult]:
    """Return how the outputs differ; that they do is proved, whatever fails from here on."""
    try:
        return _fetch_details(program, golden, threads, first, differing)
    except (EdgequantError, OSError) as error:
        detail = f"its values did not come here: {str(error).rstrip('.')}"
        told = [(i, first.outputs[i]) for i in differing]
        return {i: OutputResult(got.name, "different", got.data_sha256, detail) for i, got in told}


def _fetch_details(
    program: Program, golden: "Golden", threads: int, first: Answer, differing: Sequence[int]
) -> dict[int, OutputResult]:
    """Run the golden once more, have the outputs written, and bring those here that differ."""
    details = {}
    with program.transport.temporary_folder() as there, tempfile.TemporaryDirectory(prefix="edgequant-") as here:
        files = [there / f"output-{i}.npy" for i in range(len(golden.outputs))]
        again = program.run(golden, threads=threads, outputs=files)
        for i in differing:
            fetched, got = Path(here, f"output-{i}.npy"), first.outputs[i]
            program.transport.get(files[i], fetched)
            details[i] = _judge_values(program, got, fetched, is_repeatable=again.outputs[i] == got)
    return details


def _judge_values(program: Program, got: "TensorFile", fetched: Path, *, is_repeatable: bool) -> OutputResult:
    """Judge an output by the values that came here; `got` describes it, with the path of its golden."""
    different = partial(OutputResult, got.name, "different", got.data_sha256)
    if not is_repeatable:
        return different("other values at each run: suspect the board's memory, clock or power supply")
    arrays = read_arrays(program.bundle.folder / got.path, fetched, got)
    if arrays is None:
        return different("the file that came here is no such array")
    expected, values = arrays
    found = difference(expected, values)
    if found is None or sha256(values.tobytes()).hexdigest() != got.data_sha256:
        return different("the values that came here are not those of the digest that was told there")
    near = is_near(expected, found, program.tolerance(got.name))
    return OutputResult(got.name, "within tolerance" if near else "different", got.data_sha256, found.sentence, found)
