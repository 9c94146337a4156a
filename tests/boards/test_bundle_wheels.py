"""Bundles with wheels in place of a program: the pinned packages, and smoke.py, which needs nothing of edgequant."""

import hashlib
import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from edgequant_device_checks import Device, wheels_for
from packaging.utils import canonicalize_name, parse_wheel_filename

from edgequant._bundle import BundleError, Wheel, board_smoke, open_bundle
from edgequant._bundle._wheels import DISTRIBUTIONS, requirements, wheel_table
from edgequant._targets import TARGETS, find_target

from ._bundle_files import make

SETS = [
    (os, machine, engine)
    for os, by_machine in wheel_table().items()
    for machine in ("aarch64", "x86_64")
    for engine in by_machine[machine]
]


# ---- the pins ----


@pytest.mark.parametrize(("os", "machine", "engine"), SETS)
def test_the_pins_are_those_of_the_device_checks(os: str, machine: str, engine: str) -> None:
    glibc = {"trixie": "2.41", "bookworm": "2.36"}[os]
    device = Device(machine, 64, libc="glibc", libc_version=glibc, python=wheel_table()[os]["python"])
    installs = {status.package: status.version for status in wheels_for(device) if status.installs}
    pinned = {row["package"]: row["version"] for row in wheel_table()[os][machine][engine]}
    package = DISTRIBUTIONS[engine]
    assert (pinned[package], pinned["numpy"]) == (installs[package], installs["numpy"])


@pytest.mark.parametrize(("os", "machine", "engine"), SETS)
def test_the_pins_are_wheels_for_that_python_and_machine(os: str, machine: str, engine: str) -> None:
    python = wheel_table()[os]["python"].replace(".", "")
    for row in wheel_table()[os][machine][engine]:
        name, version, _, tags = parse_wheel_filename(row["filename"])
        assert (name, str(version)) == (row["package"], row["version"])
        assert re.fullmatch("[0-9a-f]{64}", row["sha256"])
        tag = next(iter(tags))
        assert tag.platform == "any" or tag.platform.endswith(machine)
        assert tag.interpreter in (f"cp{python}", "py3", "py2") or tag.abi == "abi3"


@pytest.mark.parametrize("engine", DISTRIBUTIONS)
def test_the_closure_has_what_the_installed_engine_asks_for(engine: str) -> None:
    asked = {
        re.split(r"[ ;<>=!~\[(]", line)[0] for line in requires(DISTRIBUTIONS[engine]) or () if "extra ==" not in line
    }
    for os, machine, other in SETS:
        if other == engine:
            pinned = {row["package"] for row in wheel_table()[os][machine][engine]}
            assert {canonicalize_name(name) for name in asked} <= pinned


def test_no_file_names_a_registry() -> None:
    text = json.dumps(wheel_table())
    assert "://" not in text and "/" not in text


def test_pip_installs_the_list_and_nothing_else(tmp_path: Path) -> None:
    name = "tiny-1.0-py3-none-any.whl"
    with ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    for sha256, code in ((digest, 0), ("0" * 64, 1)):
        (tmp_path / "wheels.txt").write_text(requirements((Wheel("tiny", "1.0", name, sha256),)))
        words = ["--isolated", "install", "--no-index", "--find-links", tmp_path, "--require-hashes"]
        command = [sys.executable, "-m", "pip", *words, "--only-binary", ":all:", "-r", tmp_path / "wheels.txt"]
        done = subprocess.run([*command, "--target", tmp_path / "there"], capture_output=True, text=True, timeout=120)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("model", "package"), [("float.onnx", "onnxruntime"), ("data_dependent.tflite", "ai-edge-litert")]
)
def test_they_are_for_targets_with_wheels_and_refused_elsewhere(
    models: Path, tmp_path: Path, target: str, model: str, package: str
) -> None:
    bundle = tmp_path / "b.tar.gz"
    machine = find_target(target).family.machine
    if find_target(target).family.word_size == 32:
        with pytest.raises(BundleError, match=rf"no wheel of {package} for {machine} .*: take an int8 \.tflite model"):
            make(models / model, bundle, target=target)
        return
    summary = make(models / model, bundle, target=target)
    assert summary.manifest.os == "trixie" and package in {wheel.package for wheel in summary.manifest.wheels}
    with open_bundle(bundle) as opened:
        assert opened.manifest.runner is None and not (opened.folder / "edgequant-run").exists()
        assert "--require-hashes" in (opened.folder / "README.md").read_text()
        assert f"{package}==" in (opened.folder / "wheels.txt").read_text()


def test_what_the_native_engine_lacks_is_named_where_there_is_no_way_out(models: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BundleError, match=r"The engine 'native' cannot open .* And LiteRT is no way out: There is no wh"
    ):
        make(models / "data_dependent.tflite", tmp_path / "b.tar.gz", target="rpi-zero")
    with pytest.raises(BundleError, match="The engine 'native' cannot open"):
        make(models / "data_dependent.tflite", tmp_path / "b.tar.gz", target="rpi4", engine="native")


def test_float_models_get_litert_where_it_is_and_faster_and_the_program_elsewhere(models: Path, tmp_path: Path) -> None:
    engines = {}
    for target in ("x86-64", "rpi4", "rpi-zero"):
        manifest = make(models / "float.tflite", tmp_path / "b.tar.gz", target=target).manifest
        engines[target] = (manifest.model.engine, manifest.outputs[0].tolerance)
    assert engines == {"x86-64": ("litert", 1e-3), "rpi4": ("native", 1e-5), "rpi-zero": ("native", 1e-5)}


def test_a_program_that_runs_the_model_mostly_in_slow_code_has_a_warning(models: Path, tmp_path: Path) -> None:
    warned = {
        target: any("the engine 'native' is slow" in warning for warning in summary.warnings)
        for target in ("rpi4", "rpi-zero")
        for summary in [make(models / "float.tflite", tmp_path / "b.tar.gz", target=target)]
    }
    assert warned == {"rpi4": False, "rpi-zero": True}
    assert make(models / "int8.tflite", tmp_path / "b.tar.gz", target="rpi-zero").warnings == ()


def test_another_system_has_other_wheels(models: Path, tmp_path: Path) -> None:
    manifest = make(models / "float.onnx", tmp_path / "b.tar.gz", target="rpi4", os_release="bookworm").manifest
    assert manifest.os == "bookworm" and all("cp313" not in wheel.filename for wheel in manifest.wheels)
    for release in ("bullseye", "buster"):
        with pytest.raises(
            BundleError, match=rf"no pinned wheels of onnxruntime .*'{release}'.*--os bookworm or trixie"
        ):
            make(models / "float.onnx", tmp_path / "b.tar.gz", target="rpi4", os_release=release)


def test_weights_in_files_beside_the_model_are_refused(models: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(models / "float.onnx")
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=0, convert_attribute=True)
    with pytest.raises(BundleError, match=r"m\.onnx keeps weights in files beside it"):
        make(path, tmp_path / "b.tar.gz", target="rpi4")


# ---- smoke.py ----


def smoke_py(folder: Path, *words: str) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-P", folder / "smoke.py", *words], capture_output=True, text=True, cwd="/", timeout=120
    )
    return done.returncode, json.loads(done.stdout)


MODELS = ["float.onnx", "bf16_weights.onnx", "data_dependent.onnx", "two_inputs.onnx", "float.tflite"]
MODELS += ["data_dependent.tflite", "two_inputs.tflite", "int8.tflite", "int8_float_io.tflite"]


@pytest.mark.parametrize("model", MODELS)
def test_smoke_py_finds_its_own_outputs(models: Path, tmp_path: Path, model: str) -> None:
    engine = "onnxruntime" if model.endswith(".onnx") else "litert"
    make(models / model, tmp_path / "b.tar.gz", target="rpi4", engine=engine, goldens=2)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        code, told = smoke_py(opened.folder, "--repeat", "3")
        names = [tensor.name for tensor in opened.manifest.goldens[0].outputs]
    assert (code, told["result"], told["engine"]) == (0, "equal", engine)
    assert [len(golden["us"]) for golden in told["goldens"]] == [3] + [1] * (len(told["goldens"]) - 1)
    for golden in told["goldens"]:
        assert [output["name"] for output in golden["outputs"]] == names
        assert all(output["equal"] and output["different"] == 0 for output in golden["outputs"])
    assert told["version"] and told["python"] and told["peak_memory_bytes"] > 2**20 and told["threads"] == 1


def shifted(folder: Path, by: float) -> None:
    path = folder / "goldens/0/output-0.npy"
    values = np.load(path)
    values.reshape(-1)[1] += values.dtype.type(by)
    np.save(path, values)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["goldens"][0]["outputs"][0]["data_sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("model", "by", "result", "code"),
    [
        ("int8.tflite", 1, "within tolerance", 0),
        ("int8.tflite", -2, "different", 1),
        ("float.tflite", 1e-5, "within tolerance", 0),
        ("float.tflite", 0.1, "different", 1),
        ("float.tflite", float("nan"), "different", 1),
    ],
)
def test_smoke_py_tells_how_far_an_output_is(
    models: Path, tmp_path: Path, model: str, by: float, result: str, code: int
) -> None:
    make(models / model, tmp_path / "b.tar.gz", target="rpi4", engine="litert", goldens=1)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        shifted(opened.folder, by)
        found, told = smoke_py(opened.folder)
    output = told["goldens"][0]["outputs"][0]
    assert (found, told["result"], output["status"], output["equal"]) == (code, result, result, False)
    assert (output["different"], output["first"], output["values"]) == (1, [0, 1], 3)
    if by == by:
        assert output["largest"] == pytest.approx(abs(by), rel=0.1)
    else:
        assert output["largest"] is None and output["expected"] is None and output["got"] is not None


@pytest.mark.parametrize(
    ("dtype", "expected", "got", "tolerance", "status"),
    [
        ("float32", [0.0, 1.0], [-0.0, 1.0], 0.0, "different"),
        ("int64", [2**53, 7], [2**53 + 1, 7], 0.0, "different"),
        ("int64", [2**53, 7], [2**53 + 2, 7], 1.0, "different"),
        ("int64", [2**63 - 1, 7], [2**63 - 2, 7], 1.0, "within tolerance"),
        ("int64", [2**63 - 1, 7], [-(2**63), 7], 1.0, "different"),
        ("uint8", [0, 7], [255, 7], 1.0, "different"),
        ("bool", [False, True], [True, True], 0.0, "different"),
        ("float32", [np.inf, 1.0], [np.inf, 2.0], 0.1, "different"),
        ("float32", [1.0, 1.0], [np.nan, 1.0], 0.1, "different"),
        ("float64", [1.0, 1e300], [2.0, 1e300], 1e308, "different"),
        ("float64", [1e308, 0], [-1e308, 0], 0.1, "different"),
        ("float32", [1.0, 0.5], [1.0625, 0.5], 0.1, "within tolerance"),
    ],
)
def test_a_tolerance_is_no_more_than_it_says(
    dtype: str, expected: list[Any], got: list[Any], tolerance: float, status: str
) -> None:
    before, after = np.array(expected, dtype), np.array(got, dtype)
    tensor = {"name": "scores", "data_sha256": hashlib.sha256(before.tobytes()).hexdigest()}
    found = board_smoke.compare(np, tensor, before, after, tolerance)
    assert (found["status"], found["different"], found["equal"]) == (status, found["values"] - 1, False)
    scalar = board_smoke.compare(np, tensor, before.reshape(-1)[:1].reshape(()), after.reshape(-1)[:1].reshape(()), 0.0)
    assert scalar["status"] == "different"
    assert board_smoke.compare(np, tensor, before, before, tolerance)["status"] == "equal"
    for other in (before.reshape(1, -1), before.view(f"V{before.itemsize}")):
        assert board_smoke.compare(np, tensor, before, other, tolerance)["status"] == "different", "the same bytes"
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(("model", "engine"), [("float.tflite", "litert"), ("float.onnx", "onnxruntime")])
@pytest.mark.parametrize("role", ["inputs", "outputs"])
def test_smoke_py_needs_every_input_and_output(
    models: Path, tmp_path: Path, model: str, engine: str, role: str
) -> None:
    make(models / model, tmp_path / "b.tar.gz", target="rpi4", engine=engine, goldens=1)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        manifest = json.loads((opened.folder / "manifest.json").read_text())
        for golden in manifest["goldens"]:
            golden[role].append({**golden[role][0], "name": "another"})
        manifest["outputs"].append({"name": "another", "tolerance": 0.0})
        (opened.folder / "manifest.json").write_text(json.dumps(manifest))
        code, told = smoke_py(opened.folder)
    assert code == 2 and told["error"].startswith(f"{engine} cannot run the model: ")


def test_smoke_py_says_what_to_install(models: Path, tmp_path: Path) -> None:
    make(models / "float.onnx", tmp_path / "b.tar.gz", target="rpi4", goldens=1)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        done = subprocess.run(
            [sys.executable, "-I", "-S", opened.folder / "smoke.py"], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 2
    assert "No module named 'numpy': install the packages with" in json.loads(done.stdout)["error"]


def test_smoke_py_says_that_a_model_cannot_be_opened(models: Path, tmp_path: Path) -> None:
    for model, engine in (("float.onnx", "onnxruntime"), ("float.tflite", "litert")):
        make(models / model, tmp_path / "b.tar.gz", target="rpi4", engine=engine, goldens=1)
        with open_bundle(tmp_path / "b.tar.gz") as opened:
            (opened.folder / opened.manifest.model.path).write_bytes(b"nothing of the kind")
            code, told = smoke_py(opened.folder)
        assert code == 2 and f"{engine} cannot run the model" in told["error"]
