"""A bundle is a file from anybody: what is made to do harm is refused, with a sentence and in little time."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant._bundle import BundleError, DamagedBundleError, open_bundle
from edgequant._targets import Runner

from ._bundle_files import make, members, repacked, resealed, with_file
from ._tiny_programs import busy, nothing


def hostile(name: str, kind: bytes, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = kind
    for field, value in fields.items():
        setattr(member, field, value)
    return member, content


@pytest.mark.parametrize(
    "entry",
    [
        hostile("int8-x86-64/link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        hostile("int8-x86-64/link", tarfile.LNKTYPE, linkname="int8-x86-64/model.tflite"),
        hostile("int8-x86-64/device", tarfile.CHRTYPE, devmajor=1, devminor=5),
        hostile("int8-x86-64/pipe", tarfile.FIFOTYPE),
        hostile("int8-x86-64/folder", tarfile.DIRTYPE),
        hostile("int8-x86-64/sparse", tarfile.GNUTYPE_SPARSE),
        hostile("/etc/passwd", tarfile.REGTYPE, b"root"),
        hostile("../../x", tarfile.REGTYPE, b"x"),
        hostile("int8-x86-64/../../x", tarfile.REGTYPE, b"x"),
        hostile("int8-x86-64/extra", tarfile.REGTYPE, b"x"),
        hostile("int8-x86-64/model.tflite", tarfile.REGTYPE, b"x"),
        hostile("int8-x86-64/" + "long/" * 60, tarfile.REGTYPE, b"x"),
        hostile("x" * 300, tarfile.REGTYPE, b"x", pax_headers={"path": "/etc/passwd"}),
    ],
    ids=lambda entry: f"{entry[0].name[:24]} {entry[0].type!r}",
)
@pytest.mark.parametrize("place", ["first", "in the middle", "last"])
def test_entries_that_are_no_files_of_the_manifest_are_refused(
    bundle: Path, tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], place: str
) -> None:
    listed = [*members(bundle).items()]
    listed.insert({"first": 0, "in the middle": 5, "last": len(listed)}[place], ("hostile", entry))
    before = {*tmp_path.iterdir()}
    path = repacked(dict(listed), tmp_path / "b.tar.gz")
    with pytest.raises(DamagedBundleError), open_bundle(path):
        pass
    assert {*tmp_path.iterdir()} == {*before, path}


def test_a_missing_file_is_named(bundle: Path, tmp_path: Path) -> None:
    for name in members(bundle):
        found = members(bundle)
        del found[name]
        with (
            pytest.raises(DamagedBundleError, match=f"{name} is missing"),
            open_bundle(repacked(found, tmp_path / "b.tar.gz")),
        ):
            pass


def test_a_decompression_bomb_is_not_unpacked(bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    for name, sentence in (("manifest.json", "more than 8 MiB"), ("model.tflite", "bytes and not")):
        bomb = found | {name: (found[name][0], bytes(64 * 2**20))}
        with pytest.raises(DamagedBundleError, match=sentence), open_bundle(repacked(bomb, tmp_path / "b.tar.gz")):
            pass
    path = tmp_path / "zeros.tar.gz"
    path.write_bytes(gzip.compress(bytes(64 * 2**20)))
    with pytest.raises(DamagedBundleError, match=r"manifest\.json is missing"), open_bundle(path):
        pass


def test_a_manifest_that_was_sealed_anew_is_still_held_to_the_files(bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    document = json.loads(found["manifest.json"][1])
    document["files"][0]["sha256"] = "0" * 64
    content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    with (
        pytest.raises(DamagedBundleError, match="SHA256SUMS is damaged"),
        open_bundle(resealed(found, tmp_path / "b.tar.gz", content)),
    ):
        pass


def test_goldens_that_are_not_what_the_manifest_says_are_told(bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    for change in ({"dtype": "uint8"}, {"shape": [4, 1]}, {"data_sha256": "0" * 64}):
        document = json.loads(found["manifest.json"][1])
        for number in range(9) if "dtype" in change else [2]:
            document["goldens"][number]["inputs"][0] |= change
        content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
        with (
            pytest.raises(DamagedBundleError, match=r"goldens/\d/input-0\.npy .* manifest"),
            open_bundle(resealed(found, tmp_path / "b.tar.gz", content)),
        ):
            pass


@pytest.mark.parametrize(
    "header", ["((((", "[" * 5000, "{'descr': '|i1', 'fortran_order': True, 'shape': (1, 4), }", ""]
)
def test_the_header_of_a_golden_is_compared_and_not_parsed(bundle: Path, tmp_path: Path, header: str) -> None:
    found = members(bundle)
    content = found["goldens/0/input-0.npy"][1]
    size = len(content) - 14 if len(header) < 100 else len(header) + 1
    changed = content[:8] + size.to_bytes(2, "little") + header.ljust(size - 1).encode() + b"\n" + content[-4:]
    path = with_file(found, tmp_path / "b.tar.gz", "goldens/0/input-0.npy", changed)
    with (
        pytest.raises(DamagedBundleError, match="has another type, shape or values than"),
        open_bundle(path),
    ):
        pass


def test_goldens_that_are_not_finite_are_refused(models: Path, tmp_path: Path) -> None:
    make(models / "int8_float_io.tflite", tmp_path / "b.tar.gz", goldens=1)
    found = members(tmp_path / "b.tar.gz")
    name = "goldens/0/output-0.npy"
    values = found[name][1][:-4] + np.float32(np.inf).tobytes()
    digest = hashlib.sha256(values[-12:]).hexdigest()
    document = json.loads(found["manifest.json"][1])
    document["goldens"][0]["outputs"][0]["data_sha256"] = digest
    found["manifest.json"] = (found["manifest.json"][0], json.dumps(document).encode())
    path = with_file(found, tmp_path / "c.tar.gz", name, values)
    with pytest.raises(DamagedBundleError, match=r"output-0\.npy has values that are not finite"), open_bundle(path):
        pass


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (b"#!/bin/sh\necho mine\n", "This is no little-endian ELF file."),
        (nothing("aarch64"), "it is for aarch64, 64 bit, and not for x86_64, 64 bit."),
        (Path("/bin/sh").read_bytes(), "it is not static: it needs libc.so.6."),
        (b"", "This is no little-endian ELF file."),
        (b"\x7fELF\2\1" + b"\xff" * 60, "This ELF file is damaged"),
        (busy(), "This ELF file is damaged"),
    ],
    ids=["script", "another processor", "dynamic", "empty", "damaged", "busy"],
)
def test_what_is_executed_is_a_static_program_for_the_board(
    models: Path, bundle: Path, tmp_path: Path, program: bytes, sentence: str, cli: Callable[..., Any]
) -> None:
    path = with_file(members(bundle), tmp_path / "b.tar.gz", "edgequant-run", program)
    with pytest.raises(DamagedBundleError) as caught, open_bundle(path):
        pass
    start = "edgequant-run is not the static program for x86_64 that it should be: "
    assert str(caught.value).startswith(start + sentence)
    smoked = cli("smoke", path, "--local")
    assert smoked.exit_code == 2 and start in smoked.stderr.replace("\n", " ")
    (tmp_path / "program").write_bytes(program)
    runner = Runner(tmp_path / "program", tmp_path / "program", "x86_64", "0.1.0", ())
    with pytest.raises(BundleError, match=start):
        make(models / "int8.tflite", tmp_path / "c.tar.gz", runner=runner)


def test_a_family_that_there_is_not_is_refused(bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    document = json.loads(found["manifest.json"][1])
    document["runner"]["family"] = "vax"
    content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    with (
        pytest.raises(DamagedBundleError, match=r"static program for vax .*: there are armv6, armv7, aarch64, x86_64"),
        open_bundle(resealed(found, tmp_path / "b.tar.gz", content)),
    ):
        pass


@pytest.mark.parametrize("zeros", [0, 10 * 1024, 2**26])
def test_only_tar_s_own_padding_may_follow(bundle: Path, tmp_path: Path, zeros: int) -> None:
    content = gzip.decompress(bundle.read_bytes()).rstrip(b"\0")
    content += bytes(-len(content) % 512 + 1024)
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(content + bytes(zeros)))
    if zeros == 0:
        with open_bundle(tmp_path / "b.tar.gz"):
            return
    with pytest.raises(DamagedBundleError, match="something follows"), open_bundle(tmp_path / "b.tar.gz"):
        pass


def test_negative_sizes_do_no_harm(bundle: Path, tmp_path: Path) -> None:
    member, _ = members(bundle)["manifest.json"]
    header = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 12  # -1 in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    stream = io.BytesIO()
    stream.write(gzip.compress(bytes(header) + bytes(2048)))
    (tmp_path / "b.tar.gz").write_bytes(stream.getvalue())
    with pytest.raises(DamagedBundleError), open_bundle(tmp_path / "b.tar.gz"):
        pass
