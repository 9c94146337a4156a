"""Built files leave the cache: checked to be what they have to be, and written whole."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgequant_converters import replacing

from ._compilation import PROGRAM
from ._elf import library_problems, program_problems
from ._runner import Runner
from ._target import Target, TargetError


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that was written: its size in bytes and lower-case SHA-256."""

    path: Path
    bytes: int
    sha256: str


def make_folder(folder: Path) -> None:
    """Make a folder and those around it; raises TargetError where a file is in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise TargetError(f"{folder} cannot be a folder, a file is in its way: give another one.") from None


def export_runner(runner: Runner, target: Target, folder: Path) -> list[ExportedFile]:
    """Check the program (static, for that processor) and the library (glibc 2.17 and no other), and write them.

    A file of that name is replaced in one step. Raises TargetError for one that is not fit for the target.
    """
    contents = {file.name: file.read_bytes() for file in runner.files}
    for name, content in contents.items():
        check = program_problems if name == PROGRAM else library_problems
        problems = check(content, target.family)
        if problems:
            raise TargetError(f"The {name} that was built is not fit for {target.name}: {'; '.join(problems)}.")
    return [write_whole(folder / name, content, 0o755) for name, content in contents.items()]


def write_whole(path: Path, content: bytes, mode: int) -> ExportedFile:
    """Write a file with those permission bits, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    path.chmod(mode)
    return ExportedFile(path, len(content), hashlib.sha256(content).hexdigest())
