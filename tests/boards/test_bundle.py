"""Bundles: what is in them; the same inputs give the same bytes; damage is told by name."""

import errno
import gzip
import hashlib
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgequant._bundle import BundleError, DamagedBundleError, open_bundle
from edgequant._bundle._manifest_json import manifest_bytes
from edgequant._targets import TARGETS

from ._bundle_files import make, members, repacked, stand_in

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


def test_a_model_that_needs_a_size_has_goldens_of_it(models: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    bundled = make(models / "windows.tflite", tmp_path / "b.tar.gz", input_shapes={"audio": (1, 1, 9, 2)})
    shapes = {(golden.inputs[0].shape, golden.outputs[0].shape) for golden in bundled.manifest.goldens}
    assert shapes == {((1, 1, 9, 2), (1, 1, 5, 3))}
    larger = make(models / "windows.tflite", tmp_path / "b.tar.gz", input_shapes={"audio": (1, 1, 900_000, 2)})
    assert larger.manifest.model.memory_bytes > bundled.manifest.model.memory_bytes + 4e6
    command = ("bundle", models / "windows.tflite", "--target", "x86-64", "-o", tmp_path / "c.tar.gz")
    refused = cli(*command)
    assert (refused.exit_code, "--input-shape of edgequant" in refused.stderr) == (2, True)
    wrong = cli(*command, "--input-shape", "audio=1,1,9,3")
    assert (wrong.exit_code, "the model takes (1, 1, -1, 2)" in wrong.stderr) == (2, True)


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
        (["verify", "a", "--target", "rpi4"], "takes a bundle, --json and the options of signatures"),
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
