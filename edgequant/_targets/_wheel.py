"""The wheel of edgequant_runtime for a board: the Python files that are installed here, the engine compiled for there.

The binding is ctypes, so one wheel serves every Python 3 of a processor. The format is the "binary distribution format"
of the Python packaging specifications: a zip file whose name has the tags, and a RECORD of every file's digest.
"""

import base64
import hashlib
import io
import zipfile
from importlib import metadata
from pathlib import Path

import edgequant_runtime

from edgequant._progress import Progress, silent

from ._compilation import LIBRARY
from ._elf import library_problems
from ._export import ExportedFile, make_folder, write_whole
from ._runner import build_library
from ._sources import read_sources
from ._target import Target, TargetError

DISTRIBUTION, PACKAGE = "edgequant-runtime", "edgequant_runtime"
GLIBC = (2, 17)
"""The oldest that the tags name, and so the newest that the library may need."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file can tell


def platform_tags(machine: str) -> list[str]:
    """Return the platform tags of a wheel for a processor, as `uname -m` names it.

    There is no manylinux for ARMv6: pip takes linux_armv6l there and nothing else.
    """
    if machine == "armv6l":
        return ["linux_armv6l"]
    # The second is the first's name before PEP 600, for pip before 20.3.
    return [f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{machine}", f"manylinux2014_{machine}"]


def build_wheel(
    target: Target, folder: Path, *, cache: Path | None = None, progress: Progress = silent
) -> ExportedFile:
    """Write the wheel for the target's kind of processor to a folder; the same sources give the same bytes.

    A file of its name is replaced in one step. `cache` and `progress` as in `build_runner`. Raises TargetError where it
    cannot be built.
    """
    make_folder(folder)  # before a minute is spent on what cannot be written
    version = read_sources().version
    tags = [f"py3-none-{platform}" for platform in platform_tags(target.family.machine)]
    info = f"{PACKAGE}-{version}.dist-info"
    described = _described(info, version, tags)
    library = build_library(target, cache=cache, progress=progress).read_bytes()
    if problems := library_problems(library, target.family, GLIBC):
        raise TargetError(f"The {LIBRARY} that was built is not fit for {target.name}: {'; '.join(problems)}.")
    files = {**_python_files(), f"{PACKAGE}/_engines/{LIBRARY}": library}
    content = _zipped({**dict(sorted(files.items())), **described}, f"{info}/RECORD")
    platforms = ".".join(sorted(platform_tags(target.family.machine)))
    return write_whole(folder / f"{PACKAGE}-{version}-py3-none-{platforms}.whl", content, 0o644)


def _python_files() -> dict[str, bytes]:
    package = Path(str(edgequant_runtime.__file__)).parent
    paths = [path for path in package.rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    return {f"{PACKAGE}/{path.relative_to(package).as_posix()}": path.read_bytes() for path in paths}


def _described(info: str, version: str, tags: list[str]) -> dict[str, bytes]:
    """Return the files that describe the wheel: what the installed package says, without its long description."""
    installed = metadata.distribution(DISTRIBUTION)
    if installed.version != version:
        raise TargetError(
            f"{DISTRIBUTION} {installed.version} is installed with the C sources of {version}: install edgequant and "
            f"{DISTRIBUTION} again, of one version."
        )
    headers = (installed.read_text("METADATA") or "").partition("\n\n")[0].splitlines()
    kept = [line for line in headers if not line.startswith("Description-Content-Type:")]
    wheel = ["Wheel-Version: 1.0", "Generator: edgequant", "Root-Is-Purelib: false", *(f"Tag: {tag}" for tag in tags)]
    texts = {"METADATA": kept, "WHEEL": wheel}
    files = {f"{info}/{name}": "".join(f"{line}\n" for line in lines).encode() for name, lines in texts.items()}
    license_text = installed.read_text("licenses/LICENSE")
    return {**files, **({f"{info}/licenses/LICENSE": license_text.encode()} if license_text else {})}


def _zipped(files: dict[str, bytes], record: str) -> bytes:
    rows = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    whole = {**files, record: "".join([*rows, f"{record},,\n"]).encode()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in whole.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose permissions follow
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return stream.getvalue()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
