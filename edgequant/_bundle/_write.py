"""Making a bundle: everything is put into a folder of its own, described in the manifest, and packed."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgequant import __version__
from edgequant._progress import Progress, silent

from ._archive import file_entry, sums_text, write_archive
from ._bundle import summary_of
from ._errors import BundleError
from ._manifest import (
    MANIFEST,
    MAX_SAMPLES,
    README,
    RUNNER,
    SMOKE_PY,
    SMOKE_SH,
    SUMS,
    WHEELS,
    Golden,
    Manifest,
    ModelEntry,
    RunnerEntry,
)
from ._manifest_json import manifest_bytes, read_manifest
from ._origin import digest_of, read_report
from ._receiver import readme, smoke_script
from ._service import Service, add_service
from ._task import add_task
from ._wheels import requirements

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing
    from edgequant_converters.graph import ModelGraph

    from edgequant._targets import Runner, Target

    from ._choice import Choice
    from ._golden_files import Arrays
    from ._goldens import Samples


@dataclass(frozen=True, slots=True)
class BundleSummary:
    """What `write_bundle` wrote: the file, its bytes, the bundle's digest, and what its user should know."""

    path: Path
    bytes: int
    digest: str
    manifest: Manifest
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values; the keys are described in docs/bundle.md."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "digest": self.digest,
            **summary_of(self.manifest),
            "warnings": list(self.warnings),
        }


def write_bundle(
    model: str | os.PathLike[str],
    target: "Target | str",
    output: str | os.PathLike[str],
    *,
    samples: "Samples | None" = None,
    images: "ImagePreprocessing | None" = None,
    goldens: int = 5,
    seed: int = 0,
    engine: str = "auto",
    os_release: str = "trixie",
    runner: "Runner | None" = None,
    assume_features: bool = False,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    source: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    task: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    example: str | os.PathLike[str] | None = None,
    service: Service | None = None,
    progress: Progress = silent,
) -> BundleSummary:
    """Write a model with all that runs it on a target, and with outputs to hold it to, as one .tar.gz.

    Args:
        model: a .tflite or .onnx file.
        target: the board, as `rpi4`: `edgequant targets` lists them.
        output: the file to write; it is replaced at the end, or not at all.
        samples: typical inputs as `convert` takes them (.npy, .npz, a folder of images, arrays); random ones if absent.
        images: how images become inputs.
        goldens: how many samples to take, or random inputs to make; the extremes come on top.
        seed: of the random inputs.
        engine: "native", "litert", "onnxruntime", or "auto", which takes the native one wherever it suits the model.
        os_release: the release of Raspberry Pi OS that wheels are for, where the engine comes as wheels.
        runner: a program that was built before; it is built if absent.
        assume_features: have it built for the target's own CPU, and for no older one.
        input_shapes: shapes of the goldens without samples, by input name, where the model leaves sizes free; else 1.
        source: the file or folder that the model was converted from; its digest goes into the manifest.
        report: a file with what `edgequant convert --json` printed.
        task: a task.json that goes into the bundle, completed from the model.
        labels: a file with a label a line, or the labels; without `task` all else is inferred.
        example: a picture, a sound or a CSV file whose answer README.md shows and smoke.sh demands.
        service: what runs the model all the time, for `deploy --service`.
        progress: called with a step, and how much of it is done.

    Raises BundleError if the target cannot run the model, and the errors of sessions, converters and targets.

    """
    from edgequant_converters import replacing
    from edgequant_converters.graph import read_graph
    from edgequant_runtime import native_slowness
    from edgequant_runtime.isolation import engine_process

    from edgequant._targets import find_target

    from ._choice import choose
    from ._goldens import golden_inputs
    from ._tolerance import output_tolerances

    if isinstance(target, str):
        target = find_target(target)
    _check_arguments(output, goldens, seed)
    path, graph, warnings = Path(model), read_graph(model), list[str]()
    _check_single_file(path, graph)
    has_task = any(given is not None for given in (task, labels, example, service))
    wanted = "native" if has_task and engine == "auto" else engine  # which has the program that answers
    choice = choose(path, graph, target, os_release, wanted, input_shapes)
    if has_task and choice.wheels:
        raise BundleError("A task is answered by edgequant-run, and this bundle brings wheels: leave one of them out.")
    if choice.engine == "native" and (slowness := native_slowness(path, target.family.machine)):
        warnings.append(slowness)
    source_digest = None if source is None else digest_of(Path(source))
    conversion = None if report is None else read_report(Path(report), path)
    with (
        tempfile.TemporaryDirectory(prefix="edgequant-bundle-") as temporary,
        replacing(output) as archive,
        engine_process(),
    ):
        folder = Path(temporary)
        with _naming_a_full_disk():
            inside = folder / ("model.tflite" if graph.format == "litert" else "model.onnx")
            shutil.copyfile(path, inside)
            entry = _add_engine(folder, target, choice, runner, assume_features, progress)
            inputs = golden_inputs(path, choice.engine, samples, goldens, seed, images, input_shapes)
            tested = tuple(_goldens(folder, path, choice.engine, inputs, warnings, progress))
            task_entry, answer, service_entry = None, None, None
            if has_task:
                task_entry, answer = add_task(folder, inside, task=task, labels=labels, example=example, images=images)
                service_entry = None if service is None else add_service(folder, inside.name, service, task_entry)
            manifest = Manifest(
                edgequant=__version__,
                target=target.name,
                os=os_release if choice.wheels else None,
                model=_model_entry(inside, graph, choice),
                runner=entry,
                wheels=choice.wheels,
                outputs=output_tolerances(inside, graph, choice.engine, tested),
                goldens=tested,
                files=(),
                source_sha256=source_digest,
                conversion=conversion,
                task=task_entry,
                service=service_entry,
            )
            manifest = _finish(folder, manifest, target, path.name, answer)
        progress("packing", 0, None)
        write_archive(folder, top_folder(path, target), manifest.files, archive)
    digest = hashlib.sha256(manifest_bytes(manifest)).hexdigest()
    return BundleSummary(Path(output), Path(output).stat().st_size, digest, manifest, tuple(warnings))


@contextmanager
def _naming_a_full_disk() -> Iterator[None]:
    """Say where there is no space: it is not where the output is to be."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = error.filename or tempfile.gettempdir()
        raise BundleError(f"The disk of {place} is full: make room, or set TMPDIR to another folder.") from error


def _check_arguments(output: str | os.PathLike[str], goldens: int, seed: int) -> None:
    if not Path(output).name.endswith((".tar.gz", ".tgz")):
        raise BundleError(f"{output} should end in .tar.gz, which is what a bundle is.")
    if not 1 <= goldens <= MAX_SAMPLES:
        raise BundleError(f"{goldens} goldens cannot be: give 1 to {MAX_SAMPLES}.")
    if seed < 0:
        raise BundleError(f"The seed {seed} is negative: give 0 or more.")


def _check_single_file(model: Path, graph: "ModelGraph") -> None:
    if graph.file_bytes != model.stat().st_size:
        raise BundleError(f"{model.name} keeps weights in files beside it, and a bundle has one: save it as one file.")


def _add_engine(
    folder: Path, target: "Target", choice: "Choice", runner: "Runner | None", assume_features: bool, progress: Progress
) -> RunnerEntry | None:
    """Put the program into the folder, or the list of wheels with the script that takes its place."""
    from ._runner_check import check_runner

    if choice.wheels:
        (folder / WHEELS).write_text(requirements(choice.wheels), encoding="ascii")
        (folder / SMOKE_PY).write_bytes(files(__package__).joinpath("board_smoke.py").read_bytes())
        return None
    if runner is None:
        from edgequant._targets import build_runner

        runner = build_runner(target, assume_features=assume_features, progress=progress)
    if runner.family != target.family.name:
        raise BundleError(f"The runner is for {runner.family}, and {target.title} needs one for {target.family.name}.")
    shutil.copyfile(runner.program, folder / RUNNER)
    (folder / RUNNER).chmod(0o755)
    check_runner(folder / RUNNER, runner.family)
    return RunnerEntry(RUNNER, runner.version, runner.family, tuple(runner.assumed_features))


def _goldens(
    folder: Path,
    model: Path,
    engine: str,
    inputs: "Iterator[tuple[str, Arrays]]",
    warnings: list[str],
    progress: Progress,
) -> "Iterator[Golden]":
    """Run the model on the inputs and write both; those with an output that is not finite are left out."""
    from ._golden_files import write_golden
    from ._goldens import compute_outputs, litert_disagrees, not_finite

    number = other = 0
    for kind, arrays in inputs:
        progress("computing goldens", number, None)
        outputs = compute_outputs(model, engine, arrays)
        if name := not_finite(outputs):
            warnings.append(f"The output {name!r} is not finite for a golden ({kind}), which is left out.")
            continue
        other += engine == "native" and litert_disagrees(model, arrays, outputs)
        yield write_golden(folder, number, kind, arrays, outputs)
        number += 1
    if other:
        warnings.append(
            f"LiteRT computes other outputs here than the native engine for {other} of {number} goldens: the bundle "
            "holds the native engine's, which is what runs on the board."
        )
    if number == 0:
        raise BundleError("The model gives no finite output for any input tried: give typical ones with --data.")


def _model_entry(model: Path, graph: "ModelGraph", choice: "Choice") -> ModelEntry:
    from edgequant._model_format import model_format

    return ModelEntry(
        path=model.name,
        format=model_format(model),
        engine=choice.engine,
        operators=tuple(sorted(graph.op_counts)),
        macs=None if graph.unknown_shapes else graph.macs,
        memory_bytes=choice.memory_bytes,
    )


def _finish(folder: Path, manifest: Manifest, target: "Target", model_name: str, answer: str | None) -> Manifest:
    """Write what tells of the rest: README.md, smoke.sh, the manifest with every file's digest, SHA256SUMS."""
    (folder / README).write_text(readme(manifest, target, model_name, answer), encoding="utf-8")
    (folder / SMOKE_SH).touch()
    (folder / SMOKE_SH).chmod(0o755)
    paths = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    (folder / SMOKE_SH).write_text(smoke_script(manifest, len(paths) + 1), encoding="ascii")  # and the manifest
    manifest = replace(manifest, files=tuple(file_entry(folder, path) for path in paths))
    content = manifest_bytes(manifest)
    read_manifest(content)  # what is too large, or cannot be read again, is refused here and not on the board
    (folder / MANIFEST).write_bytes(content)
    (folder / SUMS).write_text(sums_text(hashlib.sha256(content).hexdigest(), manifest.files), encoding="ascii")
    return manifest


def top_folder(model: Path, target: "Target") -> str:
    """Return the name of the archive's folder: the model's and the target's, in letters that every system takes."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", model.stem).strip("_-")[:40]
    return f"{stem or 'model'}-{target.name}"
