"""Bundles: what is in them; the same inputs give the same bytes; damage and malice are told by name."""

import errno
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant._bundle import BundleError, DamagedBundleError, open_bundle
from edgequant._bundle._manifest_json import manifest_bytes
from edgequant._targets import TARGETS, Runner

from ._bundle_files import make, members, repacked, resealed, stand_in, with_file
from ._tiny_programs import busy, nothing


@pytest.fixture(scope="module")
def bundle(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a tiny model, with a stand-in for the program."""
    path = tmp_path_factory.mktemp("bundle") / "int8.tar.gz"
    make(models / "int8.tflite", path)
    return path


# ---- writing ----


def test_it_has_the_promised_files_in_the_promised_order(bundle: Path) -> None:
    found = members(bundle)
    names = [*found]
    assert names[:2] == ["manifest.json", "SHA256SUMS"] and names[2:] == sorted(names[2:])
    goldens = [f"goldens/{n}/{role}-0.npy" for n in range(9) for role in ("input", "output")]
    assert {*names[2:]} == {"README.md", "edgequant-run", "model.tflite", "smoke.sh", *goldens}
    entries = [member for member, _ in found.values()]
    assert {member.name.partition("/")[0] for member in entries} == {"int8-x86-64"}
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.type) for m in entries} == {(0, 0, 0, "", "", tarfile.REGTYPE)}
    executable = {name for name, (member, _) in found.items() if member.mode == 0o755}
    assert executable == {"edgequant-run", "smoke.sh"}
    assert {member.mode for member in entries} == {0o755, 0o644}


def test_the_system_s_tools_unpack_and_check_it(bundle: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xzf", bundle, "-C", tmp_path], check=True)
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "int8-x86-64", capture_output=True)
    assert checked.returncode == 0
    assert checked.stdout.count(b": OK\n") == len(members(bundle)) - 1


def test_the_same_inputs_give_the_same_bytes(models: Path, bundle: Path, tmp_path: Path) -> None:
    again = tmp_path / "another name.tar.gz"
    make(models / "int8.tflite", again)
    assert again.read_bytes() == bundle.read_bytes()
    other = tmp_path / "seed.tar.gz"
    make(models / "int8.tflite", other, seed=1)
    assert other.read_bytes() != bundle.read_bytes()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gets_the_model_with_its_program(models: Path, tmp_path: Path, target: str) -> None:
    summary = make(models / "int8.tflite", tmp_path / "b.tar.gz", target=target)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        manifest, folder = opened.manifest, opened.folder
        assert opened.digest == summary.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
        assert (manifest.target, manifest.runner and manifest.runner.family) == (target, TARGETS[target].family.name)
        assert (folder / "model.tflite").read_bytes() == (models / "int8.tflite").read_bytes()
        assert os.access(folder / "edgequant-run", os.X_OK) and os.access(folder / "smoke.sh", os.X_OK)
        assert TARGETS[target].title in (folder / "README.md").read_text()
    assert not folder.exists()
    assert manifest.model.operators == ("FULLY_CONNECTED", "SOFTMAX") and manifest.model.format == "int8"
    assert (manifest.model.engine, manifest.outputs[0].tolerance) == ("native", 0.0)


def test_memory_is_the_program_s_and_not_python_s(models: Path, bundle: Path) -> None:
    with open_bundle(bundle) as opened:
        assert 2**20 < opened.manifest.model.memory_bytes < 2**20 + 100_000


@pytest.mark.parametrize(
    "name", ["it's $HOME `x`.tflite", "a\nb.tflite", "模型.tflite", "-rf.tflite", "..tflite", "x" * 200 + ".tflite"]
)
def test_a_model_may_have_any_name(models: Path, tmp_path: Path, name: str) -> None:
    model = tmp_path / name
    model.write_bytes((models / "int8.tflite").read_bytes())
    output = tmp_path / "odd name\n.tar.gz"
    make(model, output)
    with open_bundle(output) as opened:
        assert opened.folder.name.endswith("x86-64") and not opened.folder.name.startswith((".", "-"))
        assert "`x`" not in (opened.folder / "README.md").read_text()


def test_what_it_was_made_from_is_in_the_manifest(models: Path, tmp_path: Path) -> None:
    source, report = tmp_path / "saved_model", tmp_path / "report.json"
    (source / "variables").mkdir(parents=True)
    (source / "variables" / "a").write_text("weights")
    (source / "b.pb").write_text("graph")
    listed = subprocess.run(["sha256sum", "b.pb", "variables/a"], cwd=source, capture_output=True, check=True).stdout
    size = (models / "int8.tflite").stat().st_size
    told = {"source": "n.keras", "quantize": "int8", "bytes": size, "sqnr_db": 31.25, "warnings": ["ä"]}
    report.write_text(json.dumps(told))
    manifest = make(models / "int8.tflite", tmp_path / "b.tar.gz", source=source, report=report).manifest
    assert manifest.source_sha256 == hashlib.sha256(listed).hexdigest()
    assert manifest.conversion == told
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        assert opened.manifest == manifest


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"source": "nowhere"}, "There is no file nowhere"),
        ({"report": "nowhere.json"}, r"There is no file nowhere\.json: save what 'edgequant convert --json' prints"),
        ({"goldens": 0}, "0 goldens cannot be: give 1 to 1000"),
        ({"goldens": 1001}, "1001 goldens cannot be"),
        ({"seed": -1}, "seed -1 is negative"),
        ({"engine": "fast"}, "There is no engine 'fast': choose from auto, native, litert, onnxruntime"),
        ({"engine": "onnxruntime"}, r"int8\.tflite is run by native or litert, not by onnxruntime"),
    ],
)
def test_wrong_arguments_are_sentences(models: Path, tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", **options)
    assert not (tmp_path / "b.tar.gz").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": 1, "quantize": 2, "bytes": NaN}', "[" * 5000, "\xff"])
def test_a_report_that_is_none_is_refused(models: Path, tmp_path: Path, text: str) -> None:
    report = tmp_path / "report.json"
    report.write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=r"report\.json is no (JSON|report of a conversion)"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", report=report)


def test_the_report_of_another_model_is_refused(models: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"source": "x", "quantize": "int8", "bytes": 1}')
    with pytest.raises(BundleError, match=r"r\.json is the report of another model than int8\.tflite"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", report=tmp_path / "r.json")


def test_a_runner_for_another_family_is_refused(models: Path, tmp_path: Path) -> None:
    runner = stand_in(tmp_path / "r", target="rpi-zero")
    with pytest.raises(BundleError, match=r"The runner is for armv6, and .* needs one for aarch64"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", target="rpi4", runner=runner)


def test_a_model_larger_than_the_board_s_memory_is_refused(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgequant._bundle._choice.PROGRAM_BYTES", 400 * 2**20)
    make(models / "int8.tflite", tmp_path / "b.tar.gz", target="rpi4")
    with pytest.raises(BundleError, match=r"needs about 400 MiB .* Zero has 512 MiB, of which 192 MiB"):
        make(models / "int8.tflite", tmp_path / "z.tar.gz", target="rpi-zero")


def test_an_interrupted_or_failed_writing_leaves_the_old_file(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "b.tar.gz"
    output.write_text("old")
    runner = stand_in(tmp_path / "runner")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for failure, raised in ((interrupt, KeyboardInterrupt), (full, Exception)):
        monkeypatch.setattr("edgequant._bundle._write.write_archive", failure)
        with pytest.raises(raised):
            make(models / "int8.tflite", output, runner=runner)
        assert {path.name for path in tmp_path.iterdir()} == {"b.tar.gz", "runner"}
        assert output.read_text() == "old"


def test_a_full_disk_is_named_where_it_is(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = stand_in(tmp_path / "runner")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("edgequant._bundle._write.shutil.copyfile", full)
    with pytest.raises(BundleError, match=rf"The disk of {tempfile.gettempdir()} is full: .* set TMPDIR"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", runner=runner)
    monkeypatch.undo()
    monkeypatch.setattr("edgequant._bundle._write.write_archive", full)
    with pytest.raises(Exception, match=r"b\.tar\.gz: No space left on device"):
        make(models / "int8.tflite", tmp_path / "b.tar.gz", runner=runner)


# ---- damage ----


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("model.tflite", "model.tflite, the model, is damaged: its SHA-256 is not the one in the manifest."),
        ("edgequant-run", "edgequant-run, the program that runs the model, is damaged: its SHA-256 is not"),
        ("goldens/5/input-0.npy", "goldens/5/input-0.npy, of a golden (lowest), is damaged: its SHA-256 is not"),
        ("goldens/0/output-0.npy", "goldens/0/output-0.npy, of a golden (random), is damaged: its SHA-256 is not"),
        ("smoke.sh", "smoke.sh is damaged: its SHA-256 is not"),
        ("README.md", "README.md is damaged: its SHA-256 is not"),
        ("manifest.json", "manifest.json, the manifest, is damaged, or its line in SHA256SUMS is: they disagree."),
    ],
)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_one_flipped_bit_is_told_by_its_file(
    bundle: Path, tmp_path: Path, name: str, sentence: str, where: float
) -> None:
    found = members(bundle)
    content = bytearray(found[name][1])
    content[round(where * (len(content) - 1))] ^= 1
    found[name] = (found[name][0], bytes(content))
    with pytest.raises(DamagedBundleError) as caught, open_bundle(repacked(found, tmp_path / "b.tar.gz")):
        pass
    assert str(caught.value).startswith(sentence)


def test_every_flipped_bit_of_sha256sums_is_told(bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    member, content = found["SHA256SUMS"]
    for place in range(0, len(content), 43):
        changed = bytearray(content)
        changed[place] ^= 1
        with (
            pytest.raises(DamagedBundleError, match="SHA256SUMS"),
            open_bundle(repacked(found | {"SHA256SUMS": (member, bytes(changed))}, tmp_path / "b.tar.gz")),
        ):
            pass


@pytest.mark.parametrize("bit", [1, 128])
def test_a_flipped_bit_of_the_file_itself_is_told_or_changes_nothing(bundle: Path, tmp_path: Path, bit: int) -> None:
    whole, path = bundle.read_bytes(), tmp_path / "b.tar.gz"
    content, sound = gzip.decompress(whole), []
    for place in [*range(20), *range(20, len(whole), 61), *range(len(whole) - 12, len(whole))]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        try:
            with open_bundle(path):
                sound.append(place)
                # gzip's flags, time and system mean nothing, and one stream of bytes can be compressed in many ways
                assert place in range(3, 10) or gzip.decompress(path.read_bytes()) == content
        except DamagedBundleError as error:
            assert str(error).endswith("Get the bundle again, or make it again.") or "no bundle" in str(error)
    assert len(sound) < 12


def test_a_bundle_that_was_cut_off_is_told(bundle: Path, tmp_path: Path) -> None:
    whole, path = bundle.read_bytes(), tmp_path / "b.tar.gz"
    for size in [*range(2, 60), *range(60, len(whole), 211), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedBundleError, match="cut off"), open_bundle(path):
            pass


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"not a bundle at all"])
def test_another_file_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(content)
    with pytest.raises(DamagedBundleError, match=r"b\.tar\.gz is no bundle"), open_bundle(tmp_path / "b.tar.gz"):
        pass


def test_what_follows_the_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    for rest in (b"more", gzip.compress(b"more" * 200)):
        path.write_bytes(bundle.read_bytes() + rest)
        with pytest.raises(DamagedBundleError, match="damaged"), open_bundle(path):
            pass


# ---- malice ----


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


# ---- the command ----


def test_bundle_and_verify(
    models: Path, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgequant._targets.build_runner", lambda target, **_: stand_in(tmp_path, target=target.name))
    path = tmp_path / "b.tar.gz"
    made = cli("bundle", models / "int8.tflite", "--target", "rpi4", "-o", path, "--json")
    assert made.exit_code == 0, made.stderr
    told = json.loads(made.stdout)
    assert (told["path"], told["bytes"], told["target"]) == (str(path), path.stat().st_size, "rpi4")
    verified = cli("bundle", "verify", path, "--json")
    assert verified.exit_code == 0
    found = json.loads(verified.stdout)
    assert found["sound"] is True and found["digest"] == told["digest"] and found["files"] == told["files"]
    plain = cli("bundle", models / "int8.tflite", "--target", "rpi4", "-o", path)
    assert "edgequant smoke" in plain.stdout and "--emulate rpi4" in plain.stdout and told["digest"] in plain.stdout
    assert "Sound" in cli("bundle", "verify", path).stdout


def test_verify_exits_with_1_for_damage(bundle: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    found = members(bundle)
    found["model.tflite"] = (found["model.tflite"][0], found["model.tflite"][1][:-1] + b"?")
    path = repacked(found, tmp_path / "b.tar.gz")
    plain, told = cli("bundle", "verify", path), cli("bundle", "verify", path, "--json")
    assert (plain.exit_code, told.exit_code) == (1, 1)
    assert "the model, is damaged" in plain.stderr and plain.stdout == ""
    assert json.loads(told.stdout)["sound"] is False


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["verify"], "'edgequant bundle verify' takes one bundle; a model of that name is ./verify"),
        (["verify", "a", "b"], "takes one bundle"),
        (["verify", "a", "--target", "rpi4"], "takes a bundle and --json, and no other options"),
        (["verify", "nowhere.tar.gz"], "There is no file nowhere.tar.gz"),
        (["verify", "."], "is a folder"),
        (["a.tflite", "b.tflite", "--target", "rpi4", "-o", "x.tar.gz"], "Give one model, not 2"),
        (["a.tflite"], "Say with --target and -o"),
        (["a.tflite", "--target", "rpi4"], "Say with -o"),
        (["a.tflite", "--target", "rpi9", "-o", "x.tar.gz"], "There is no target 'rpi9'"),
        (["a.tflite", "--target", "rpi4", "-o", "x.zip"], "x.zip should end in .tar.gz"),
        (["a.tflite", "--target", "rpi4", "-o", "x.tar.gz"], "a.tflite"),
        (["./verify", "--target", "rpi4", "-o", "x.tar.gz"], "verify"),
    ],
)
def test_wrong_words_are_sentences(
    words: list[str], sentence: str, cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("bundle", *words)
    assert result.exit_code == 2 and sentence in result.stderr and "Traceback" not in result.stderr
    assert not [*tmp_path.iterdir()]


def test_the_manifest_in_the_file_is_the_one_that_was_returned(bundle: Path) -> None:
    with open_bundle(bundle) as opened:
        assert (opened.folder / "manifest.json").read_bytes() == manifest_bytes(opened.manifest)
