"""Brings to a board what its configurations need: models, edgequant-run, and the worker for a Python that is there."""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edgequant._errors import EdgequantError

from ._board_timers import BoardTimer, ProgramTimer, PythonTimer
from ._plan import Configuration

if TYPE_CHECKING:
    from edgequant._transports import Transport


@contextmanager
def board_timers(
    transport: "Transport",
    configurations: Sequence[Configuration],
    *,
    runner: Path | None,
    python: str,
    progress: Callable[[str, float, float], None],
) -> Iterator[list[BoardTimer]]:
    """Copy what the configurations need to a temporary folder of the board, and yield a timer for each.

    Raises EdgequantError where no runner can be built for the board.
    """
    is_native = [configuration.engine == "native" for configuration in configurations]
    if runner is None and any(is_native):
        runner = _build_runner(transport, progress)
    with TemporaryDirectory() as name, transport.temporary_folder() as folder:
        files: dict[Path, tuple[PurePosixPath, int]] = {}
        for model in dict.fromkeys(configuration.model for configuration in configurations):
            files[model] = folder / f"model-{len(files)}{model.suffix}", 0o644
        inputs = _inputs(configurations, Path(name))
        for local in (path for paths in inputs.values() for path in paths):
            files[local] = folder / local.name, 0o644
        program, worker = folder / "edgequant-run", folder / "bench_worker.pyz"
        if runner is not None and any(is_native):
            files[runner] = program, 0o755
        if not all(is_native):
            files[_pack_worker(Path(name))] = worker, 0o644
        for number, (local, (remote, mode)) in enumerate(files.items()):
            progress("copying", number, len(files))
            transport.put(local, remote, mode=mode)
        python = _python_there(transport, python)
        yield [
            ProgramTimer(one, transport, files[one.model][0], program, [files[path][0] for path in inputs[one.model]])
            if native
            else PythonTimer(one, transport, files[one.model][0], python, worker)
            for one, native in zip(configurations, is_native, strict=True)
        ]


def _build_runner(transport: "Transport", progress: Callable[[str, float, float], None]) -> Path:
    from edgequant._targets import TARGETS, TargetError, build_runner

    architecture = transport.device().architecture
    target = next((target for target in TARGETS.values() if target.family.machine == architecture), None)
    if target is None:
        raise EdgequantError(
            f"{transport.title} is {architecture}, for which no edgequant-run is built: give one with --runner."
        )
    try:
        return build_runner(target, progress=lambda step, done, total: progress(step, done, total or 0)).program
    except TargetError as error:
        raise TargetError(
            f"{str(error).rstrip('.')}, or give an edgequant-run for {architecture} with --runner."
        ) from None


def _inputs(configurations: Sequence[Configuration], folder: Path) -> dict[Path, list[Path]]:
    """Return for each model the .npy files that tell edgequant-run the shapes of its inputs; none without any given.

    They hold what the worker fills inputs with.
    """
    import numpy as np
    from edgequant_runtime.isolation import engine_process

    from edgequant._bench_worker import made_input

    written: dict[Path, list[Path]] = {one.model: [] for one in configurations}
    shapes = {one.model: one.input_shapes for one in configurations if one.engine == "native" and one.input_shapes}
    if not shapes:
        return written
    with engine_process() as process:
        for number, (model, its) in enumerate(shapes.items()):
            generator = np.random.default_rng(0)
            session = process.open(model, engine="native", threads=1, input_shapes=its)
            for index, (info, shape) in enumerate(zip(session.inputs, session.first_shapes, strict=True)):
                written[model].append(folder / f"input-{number}-{index}.npy")
                np.save(written[model][-1], made_input(info, shape, generator))
    return written


def _pack_worker(folder: Path) -> Path:
    """Write one file that any Python runs: the worker, and the Python part of edgequant_runtime."""
    import edgequant_runtime

    from edgequant import _bench_worker

    runtime = Path(edgequant_runtime.__file__).parent
    packed = folder / "bench_worker.pyz"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(_bench_worker.__file__, "__main__.py")
        for source in sorted(runtime.rglob("*.py")):
            archive.write(source, source.relative_to(runtime.parent))
    return packed


def _python_there(transport: "Transport", python: str) -> str:
    """Return a name as it is, for the board to look up, and a path from the home folder there."""
    return str(transport.home() / python.removeprefix("~/")) if "/" in python else python
