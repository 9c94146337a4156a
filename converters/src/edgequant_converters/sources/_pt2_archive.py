"""A .pt2 file from a stranger, made into one that PyTorch can be given.

PyTorch's reader looks members up in its own way (without regard to case, say) and loads whatever it finds, compiled
libraries included. So it never sees the file: it gets a new archive of the members that a network needs, each checked.
"""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from ._pt2_program import RefusedError, checked_document

_ROOT = "model/"
_MARKS = re.compile(r"archive_format|archive_version|byteorder|\.data/version|\.data/serialization_id|version")
_DOCUMENTS = re.compile(
    r"models/model\.json|serialized_exported_program\.json|"
    r"data/(weights/model_weights|constants/model_constants)_config\.json"
)
_PICKLES = re.compile(
    r"data/sample_inputs/model\.pt|data/(weights|constants)/model\.pt|"
    r"serialized_(state_dict|constants|example_inputs)\.pt"
)
_TENSORS = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
_COMPILED = re.compile(r"data/aotinductor/|executorch/")


def write_checked_archive(path: Path, checked: Path) -> None:
    """Write to `checked` what PyTorch may see of the .pt2 file at `path`.

    Raises RefusedError for what could run code or is no network; ValueError, KeyError or zipfile's errors for damage.
    """
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copy:
        members = _members(archive, path.stat().st_size)
        if not members.keys() & {"models/model.json", "serialized_exported_program.json"}:
            if any(_COMPILED.match(name) for name in members):
                raise RefusedError("compiled code and no network")
            raise ValueError("no exported program in the archive")
        for name, member in members.items():
            _copy(archive, name, member, copy)
        for part in ("weights", "constants"):
            _check_empty_tensors(archive, members, part)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names below the archive's one folder; refuse what torch never writes."""
    infos = archive.infolist()
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise RefusedError("compressed or encrypted parts")
    if sum(info.file_size for info in infos) > size:
        raise RefusedError("parts that overlap")
    names = [info.filename for info in infos]
    roots = {name.partition("/")[0] for name in names}
    prefix = f"{roots.pop()}/" if len(roots) == 1 and all("/" in name for name in names) else ""
    short = [name.removeprefix(prefix) for name in names]
    if len({name.lower() for name in short}) < len(short):
        raise RefusedError("two parts of one name")
    return dict(zip(short, infos, strict=True))


def _copy(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, copy: zipfile.ZipFile) -> None:
    root = "" if name.startswith("serialized_") or name == "version" else _ROOT  # the layout of PyTorch 2.7 and before
    if _DOCUMENTS.fullmatch(name):
        copy.writestr(root + name, json.dumps(checked_document(archive.read(member))))
    elif _PICKLES.fullmatch(name):
        copy.writestr(root + name, _checked_pickle(archive.read(member)))
    elif _MARKS.fullmatch(name):
        copy.writestr(root + name, archive.read(member))
    elif _TENSORS.fullmatch(name):
        with archive.open(member) as source, copy.open(root + name, "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, 1 << 20)


def _checked_pickle(content: bytes) -> bytes:
    """Look at what torch.save wrote within the file: an archive of its own, which torch.load unpacks."""
    if content:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _members(archive, len(content))
    return content


def _check_empty_tensors(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], part: str) -> None:
    """Refuse a tensor of some size with no bytes: PyTorch would fill the memory with its zeros."""
    document = members.get(f"data/{part}/model_{part}_config.json")
    entries: dict[str, Any] = {} if document is None else json.loads(archive.read(document))["config"]
    for entry in entries.values():
        member = members[f"data/{part}/{entry['path_name']}"]
        sizes = [] if entry["use_pickle"] else [size.get("as_int") for size in entry["tensor_meta"]["sizes"]]
        if not member.file_size and 0 not in sizes:
            raise ValueError(f"{entry['path_name']} is empty")
