"""Cross-compile what runs models on a board: the static program edgequant-run, and the engine as a shared library."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from edgequant._progress import Progress, silent

from ._cache import cache_folder, kept
from ._compilation import LIBRARY, PROGRAM, Compilation
from ._sources import read_sources
from ._target import Target, TargetError
from ._toolchain import CompilerFailedError, clean_environment, find_toolchain

_RECORD = "built.json"


@dataclass(frozen=True, slots=True)
class Runner:
    """The built files of a family of processors, in the cache: copy them, and leave these as they are.

    `version` is the engine's. The files run on every processor of the family that has the `assumed_features` (in
    edgequant-run's words: dotprod, fp16, ...), so on each if there are none. `library` is None if it was not asked for.
    """

    program: Path
    library: Path | None
    family: str
    version: str
    assumed_features: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The program, and the library if there is one."""
        return (self.program, self.library) if self.library else (self.program,)


def build_runner(
    target: Target,
    *,
    assume_features: bool = False,
    library: bool = False,
    cache: Path | None = None,
    progress: Progress = silent,
) -> Runner:
    """Build the program, and the library too if asked, unless they are in the cache.

    `assume_features` compiles for the target's own CPU, whose features are then taken for granted: an older CPU ends
    the program with an illegal instruction. `cache` is another folder to keep the files in than the user's. `progress`
    gets a step, how much of it is done, and of how much. Raises TargetError where nothing can be built, naming the log.
    """
    sources, toolchain = read_sources(), find_toolchain()
    cpu = target.cpu if assume_features else target.family.cpu

    def build(file: str) -> Path:
        compilation = Compilation(file, target.family, cpu, assume_features, sources, toolchain)
        return _kept(compilation, cache or cache_folder(), progress)

    program = build(PROGRAM)
    return Runner(
        program=program / PROGRAM,
        library=build(LIBRARY) / LIBRARY if library else None,
        family=target.family.name,
        version=sources.version,
        assumed_features=_read_record(program),
    )


def build_library(target: Target, *, cache: Path | None = None, progress: Progress = silent) -> Path:
    """Build the library alone, for every processor of the target's family, unless it is in the cache; return its file.

    `cache`, `progress` and what is raised are as in `build_runner`.
    """
    family = target.family
    compilation = Compilation(LIBRARY, family, family.cpu, False, read_sources(), find_toolchain())
    return _kept(compilation, cache or cache_folder(), progress) / LIBRARY


def _kept(compilation: Compilation, cache: Path, progress: Progress) -> Path:
    """Return the folder of the cache with a file and its record, compiled if it is not there."""
    step = f"compiling {compilation.file} for {compilation.family.name}"
    log = cache_folder() / "logs" / f"{compilation.name}.log"

    def make(work: Path) -> Path:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        progress(step, 0, None)
        # The C libraries are the compiler's, and big: one copy serves all caches.
        environment = clean_environment(cache_folder() / "zig", cache / "zig")
        file = compilation.run(work, environment, log, lambda done, total: progress(step, done, total))
        features = compilation.features(work, environment, log)
        made = work / "made"
        made.mkdir()
        _record(Path(shutil.copyfile(file, made / compilation.file)), features)
        log.unlink(missing_ok=True)
        return made

    try:
        return kept(cache, compilation.name, compilation.digest, _is_sound, make)
    except CompilerFailedError as error:
        raise TargetError(
            f"{compilation.file} cannot be compiled for {compilation.family.name}: {str(error).rstrip('.')}; "
            f"the log is {log}."
        ) from error


def _record(file: Path, features: tuple[str, ...]) -> None:
    """Write beside a file what is known of it."""
    file.chmod(0o755)
    known = {"file": file.name, "sha256": _sha256(file), "assumed_features": features}
    (file.parent / _RECORD).write_text(json.dumps(known))


def _read_record(folder: Path) -> tuple[str, ...]:
    """Return the features that the file takes for granted; raises ValueError if it is not as it was written."""
    known = json.loads((folder / _RECORD).read_text())
    if _sha256(folder / known["file"]) != known["sha256"]:
        raise ValueError("the file was changed")
    return tuple(known["assumed_features"])


def _is_sound(folder: Path) -> bool:
    try:
        _read_record(folder)
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return True


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
