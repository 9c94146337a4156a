"""Run a model on every sample of a data file."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgequant_runtime import ProfileStep
from edgequant_runtime.isolation import IsolatedSession, engine_process
from numpy.typing import NDArray

from edgequant._progress import Progress, silent

from ._data import batch_size, data_spec, is_class_scores, rows_of
from ._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing
    from edgequant_converters.calibration import DataSource


@dataclass(frozen=True, slots=True)
class RunResult:
    """The outputs of all samples: each array's first axis counts samples.

    `signature` is the one of the file's `signatures` that was run, None if it is not known by one. `fallback_reason`
    says why "auto" took another engine than the native one; `profile` is None if none was asked for.
    """

    engine: str
    threads: int
    samples: int
    outputs: dict[str, NDArray[Any]]
    signature: str | None = None
    signatures: tuple[str, ...] = ()
    fallback_reason: str | None = None
    profile: tuple[ProfileStep, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the summary that `edgequant run --json` prints; no NaN or infinity in it."""
        return {
            "engine": self.engine,
            "fallback_reason": self.fallback_reason,
            "threads": self.threads,
            "samples": self.samples,
            "signature": self.signature,
            "outputs": [_summary(name, rows) for name, rows in self.outputs.items()],
            "profile": None if self.profile is None else [asdict(step) for step in self.profile],
        }


def run_on_data(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    engine: str = "auto",
    threads: int | None = None,
    raw: bool = False,
    profile: bool = False,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    signature: str | None = None,
    precision: str = "float32",
    images: "ImagePreprocessing | None" = None,
    progress: Progress = silent,
) -> RunResult:
    """Run `model` on the samples of `data` (.npy, .npz, or a folder of images), one by one.

    Inputs are read one at a time; the outputs are kept in memory. With `raw` the data and the outputs are the model's
    own integers; with `profile` the native engine measures every step. `input_shapes`, `signature` and `precision` are
    those to open the model with, as for Session. Raises SessionError, ConverterError (the data) or EdgequantError.
    """
    from edgequant_converters.calibration import open_data

    with engine_process() as process:
        session = process.open(
            model,
            engine=engine,
            threads=threads,
            profile=profile,
            input_shapes=input_shapes,
            signature=signature,
            precision=precision,
        )
        source = open_data(data, [data_spec(info, raw=raw) for info in session.inputs], images=images)
        return _run(session, source, raw, profile, progress)


def _run(session: IsolatedSession, source: "DataSource", raw: bool, profile: bool, progress: Progress) -> RunResult:
    collected: dict[str, list[NDArray[Any]]] = {info.name: [] for info in session.outputs}
    samples = 0
    for sample in source:
        batch = batch_size(sample)
        for name, output in session.run(sample, raw=raw).items():
            collected[name].append(rows_of(output, batch))
        samples += len(collected[session.outputs[0].name][-1])
        progress("running", samples, source.count)
    return RunResult(
        engine=session.engine,
        threads=session.threads,
        samples=samples,
        outputs={name: _joined(name, rows) for name, rows in collected.items()},
        signature=session.signature,
        signatures=session.signatures,
        fallback_reason=session.fallback_reason,
        profile=session.profile() if profile else None,
    )


def check_npz_name(path: str | os.PathLike[str]) -> None:
    """Raise EdgequantError unless a file of outputs is named as one."""
    if Path(path).suffix != ".npz":
        raise EdgequantError(f"{path} should end in .npz: outputs are saved as one array for each output name.")


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name to a .npz file, whole or not at all; raises EdgequantError or OutputError.

    numpy.savez cannot: it takes the names as keywords, among which `file` is its own.
    """
    from edgequant_converters import replacing

    check_npz_name(path)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


def _joined(name: str, rows: list[NDArray[Any]]) -> NDArray[Any]:
    try:
        return np.concatenate(rows)
    except ValueError as error:
        raise EdgequantError(
            f"The output '{name}' has another size for each sample, so it makes no one array: run them one by one."
        ) from error


def _summary(name: str, rows: NDArray[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(rows.shape),
        "dtype": str(rows.dtype),
        "min": _finite(rows.min()) if rows.size else None,
        "max": _finite(rows.max()) if rows.size else None,
        "argmax": rows.argmax(axis=1).tolist() if is_class_scores(rows) else None,
    }


def _finite(value: Any) -> float | int | None:
    return value.item() if np.isfinite(value) else None
