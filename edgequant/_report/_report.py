"""Measure a family of models: the order of the steps."""

import hashlib
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from edgequant._bench import bench
from edgequant._compare import Comparison, compare
from edgequant._errors import EdgequantError
from edgequant._figures import IDENTICAL_DB
from edgequant._model_format import model_format
from edgequant._progress import Progress, silent

from ._advice import advise, find_devices
from ._commands import Request, list_commands
from ._fronts import choose_measure, fronts
from ._measured import Measured, collect, read_measured
from ._page import write_report
from ._result import THIS_MACHINE, FamilyReport, Measure, ModelReport
from ._words import caution_of, summarize

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing


def report(
    reference: str | os.PathLike[str],
    models: Sequence[str | os.PathLike[str]],
    data: "str | os.PathLike[str] | Mapping[str, Any] | Iterable[Any]",
    *,
    labels: str | os.PathLike[str] | None = None,
    images: "ImagePreprocessing | str | None" = None,
    worth: Measure | None = None,
    boards: Sequence[str] = (),
    measured: Sequence[str | os.PathLike[str]] = (),
    threads: Sequence[int] = (),
    seconds: float | None = None,
    timed: bool = True,
    made_by: Sequence[str] = (),
    html: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> FamilyReport:
    """Measure a reference and the models made of it, find the fronts, and write them on one page.

    Args:
        reference: .tflite or .onnx file that the others are held against.
        models: .tflite and .onnx files; all file names differ.
        data: as for `compare`; it is read once for each model, so an iterator will not do.
        labels: .npy of one integer class index for each sample.
        images: how a folder's images become inputs; its text as for `--images` is shown in the commands.
        worth: what models are judged by: accuracy, agreement or sqnr_db; the first of these that is known if None.
        boards: names as for `for_board`; each gets a recommendation.
        measured: files that `edgequant bench --json` wrote on other devices, as `FILE` or `"NAME=FILE"`; a name that
            is a board's gets a recommendation by these figures.
        threads: as for `bench`, here; the fastest counts.
        seconds: as for `bench`, here.
        timed: whether to time the models on this machine.
        made_by: commands that made the files, for the page.
        html: page to write.
        progress: called with a step, what is done, and the total.

    Raises SessionError, ConverterError, DeviceCheckError or EdgequantError, as `compare`, `bench` and `recommend` do;
    nothing is written then.

    """
    from edgequant_converters import ImagePreprocessing

    paths = (Path(reference), *map(Path, models))
    files = _distinct_names(paths)
    if isinstance(data, Iterator):
        raise EdgequantError("The data can be read only once, but each model needs it: give a list or a file.")
    preprocessing = ImagePreprocessing.parse(images) if isinstance(images, str) else images
    elsewhere = read_measured(measured, files)
    devices = find_devices(boards, elsewhere)
    comparisons = [
        compare(paths[0], path, data, labels=labels, images=preprocessing, progress=_named(progress, path))
        for path in paths[1:]
    ]
    progress("timing" if timed else "writing", 0, None)
    times = [*([_time_here(paths, threads, seconds)] if timed else []), *elsewhere]
    family = _members(paths, comparisons, times)
    measure, names = choose_measure(family, worth), [one.device for one in times]
    advice = advise(devices, times, family)
    request = Request(
        paths, worth, str(data) if isinstance(data, (str, os.PathLike)) else "DATA.npy", _text(labels),
        images if isinstance(images, str) else None if images is None else "...", tuple(boards),
        tuple(map(str, measured)), tuple(threads), seconds, timed, tuple(made_by), _text(html) or "report.html",
    )  # fmt: skip
    found = FamilyReport(
        models=tuple(family),
        samples=comparisons[0].samples,
        measure=measure,
        fronts=fronts(family, measure, names),
        devices=advice,
        summary=(*summarize(family, measure, names, comparisons[0].samples), *caution_of(comparisons[0].constants)),
        commands=list_commands(request, family, elsewhere, advice),
        versions=_versions(),
        notes=tuple(f"{one.device}: {note}" for one in times for note in one.notes),
        constants=comparisons[0].constants,
    )
    if html is not None:
        write_report(Path(html), found)
    return found


def _distinct_names(paths: Sequence[Path]) -> list[str]:
    names = [path.name for path in paths]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if len(paths) < 2:
        raise EdgequantError("Give one model or more besides the reference.")
    if twice is not None:
        raise EdgequantError(f"Two of the models are named {twice}: rename one, for the page calls them by file name.")
    return names


def _named(progress: Progress, path: Path) -> Progress:
    return lambda step, done, total: progress(f"{step} {path.name}", done, total)


def _time_here(paths: Sequence[Path], threads: Sequence[int], seconds: float | None) -> Measured:
    timed = bench(paths, threads=threads, seconds=seconds).to_dict()
    return collect(THIS_MACHINE, None, timed["results"], [path.name for path in paths], timed["notes"])


def _members(paths: Sequence[Path], comparisons: Sequence[Comparison], times: Sequence[Measured]) -> list[ModelReport]:
    found = comparisons[0].accuracy
    agreement = None if found.agreement is None else 1.0
    equal = None if comparisons[0].lowest_equal is None else 1.0
    worths = [(found.reference, agreement, IDENTICAL_DB, equal), *map(_worths, comparisons)]
    reference_bytes = paths[0].stat().st_size
    return [
        _member(number, path, reference_bytes, worth, times)
        for number, (path, worth) in enumerate(zip(paths, worths, strict=True), 1)
    ]


Worths: TypeAlias = tuple[float | None, float | None, float | None, float | None]
"""Accuracy, agreement, the SQNR of the worst output, or part of one, and the lowest share of equal whole numbers."""


def _worths(comparison: Comparison) -> Worths:
    found = comparison.accuracy
    return found.model, found.agreement, comparison.worst_sqnr_db, comparison.lowest_equal


def _member(
    number: int,
    path: Path,
    reference_bytes: int,
    worth: Worths,
    times: Sequence[Measured],
) -> ModelReport:
    from edgequant_converters.graph import float_ops, read_graph

    in_float, content = float_ops(read_graph(path)), path.read_bytes()
    return ModelReport(
        number=number,
        file=path.name,
        format=model_format(path),
        bytes=len(content),
        ratio=len(content) / reference_bytes,
        sha256=hashlib.sha256(content).hexdigest(),
        accuracy=worth[0],
        agreement=worth[1],
        sqnr_db=worth[2],
        equal=worth[3],
        float_ops=dict(Counter(op.type for op in in_float).most_common()),
        float_names=tuple(op.name for op in in_float),
        latencies=tuple(latency for one in times if (latency := one.latency(path.name))),
    )


def _text(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else str(path)


def _versions() -> dict[str, str]:
    """Return what the page was made with."""
    from edgequant import __version__

    found = {"edgequant": __version__}
    for package in ("ai-edge-litert", "onnxruntime", "numpy"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return {**found, "Python": platform.python_version(), "system": platform.platform()}
