"""edgequant-run: its arguments, .npy files, results and errors."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgequant_runtime import Session
from edgequant_runtime._engines._library import library

from .oracle import kernel_sets

CSRC = Path(__file__).parents[2] / "csrc"
DOCS = Path(__file__).parents[3] / "docs"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("program")]


@pytest.fixture(scope="session")
def program() -> Path:
    """edgequant-run for this machine, built where scripts/ctest builds, so that only what changed is compiled."""
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    cmake = shutil.which("cmake", path=tools)
    if cmake is None or shutil.which("ninja", path=tools) is None or shutil.which("cc") is None:
        pytest.skip("needs cmake, ninja and a C compiler")
    folder = CSRC.parents[1] / "build" / "ctest" / "native"
    configure = [cmake, "-S", CSRC, "-B", folder, "-G", "Ninja"]
    for command in (configure, [cmake, "--build", folder, "--target", "edgequant-run"]):
        built = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": tools})
        assert built.returncode == 0, built.stdout + built.stderr
    return folder / "edgequant-run"


@pytest.fixture
def run(program, models):
    """Run the program on one of the models (or on a path), expecting an exit code."""

    def run(model: str | Path, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        command = [program, models / model, *arguments]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
        assert done.returncode == expect, (done.returncode, done.stderr)
        if expect:
            assert done.stderr.startswith("edgequant-run: ")
            assert done.stderr.count("\n") == 1
            assert not done.stdout
        return done

    return run


def seeded(count: int) -> np.ndarray:
    """The first values of the formula in csrc/program/seeded.h."""
    z = (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def test_seeded_inputs_are_those_of_the_formula(run, models):
    for name, values in (
        ("int8.tflite", (seeded(4) >> np.uint64(56)).astype(np.uint8).view(np.int8)),
        ("int8_float_io.tflite", (seeded(4) >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)),
    ):
        document = json.loads(run(name, "--json").stdout)
        (output,) = Session(models / name).run(values[None], raw=True).values()
        assert document["sha256"] == document["outputs"][0]["sha256"] == hashlib.sha256(output.tobytes()).hexdigest()


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", ["int8.tflite", "uint8.tflite", "int8_float_io.tflite"])
def test_npy_in_and_out(run, models, tmp_path, name, batch):
    session = Session(models / name)
    dtype = session.inputs[0].dtype
    generator = np.random.default_rng(0)
    values = (
        generator.normal(size=(batch, 4)).astype(dtype)
        if dtype.kind == "f"
        else generator.integers(0, 127, (batch, 4)).astype(dtype)
    )
    np.save(tmp_path / "in.npy", values)
    run(name, "--input", tmp_path / "in.npy", "--output", tmp_path / "out.npy", "--repeat", 3, "--threads", 2)
    (expected,) = session.run(values, raw=True).values()
    written = np.load(tmp_path / "out.npy")
    assert (written.dtype, written.shape) == (expected.dtype, (batch, 3))
    np.testing.assert_array_equal(written, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]


def test_a_model_that_needs_a_size_takes_that_of_the_file(run, models, tmp_path):
    np.save(tmp_path / "in.npy", np.ones((1, 1, 9, 2), np.int8))
    run("windows.tflite", "--input", tmp_path / "in.npy", "--output", tmp_path / "out.npy")
    session = Session(models / "windows.tflite", input_shapes={"audio": (1, 1, 9, 2)})
    (expected,) = session.run(np.load(tmp_path / "in.npy"), raw=True).values()
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    assert "CONV_2D" in run("windows.tflite", expect=2).stderr


def test_every_version_of_the_npy_format(run, tmp_path):
    digests = set()
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "in.npy").open("wb") as file:
            np.lib.format.write_array(file, np.ones((1, 4), np.int8), version=version)
        digests.add(json.loads(run("int8.tflite", "--input", tmp_path / "in.npy", "--json").stdout)["sha256"])
    assert len(digests) == 1


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


GOOD = saved(np.ones((1, 4), np.int8))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no .npy file"),
        (b"TFL3", "is no .npy file"),
        (b"\x93NUMPY\x04\x00", "version 4"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "its header has 4294967295 bytes"),
        (GOOD[:9], "is cut off"),
        (GOOD[:60], "is cut off"),
        (GOOD[:-1], "is cut off"),
        (GOOD + b"\0", "more than its shape says"),
        (saved(np.asfortranarray(np.ones((2, 4), np.int8))), "is in Fortran order"),
        (saved(np.ones((1, 4), np.float32)), "holds float32, and the input 'features' takes int8"),
        (saved(np.ones((1, 4), np.float64)), "type <f8, which no model takes"),
        (saved(np.ones((1, 4), ">i4")), "type >i4, which no model takes"),
        (saved(np.ones((1, 4), [("a", "i1")])), "holds no numbers"),
        (saved(np.ones((1, 5), np.int8)), "shape"),
        (saved(np.ones(4, np.int8)), "shape"),
        (saved(np.ones((0, 4), np.int8)), "empty or damaged shape"),
        (saved(np.ones((1,) * 9, np.int8)), "more than 8 dimensions"),
        (header("{}"), "its header has no 'descr'"),
        (header("{'descr': '|i1', 'fortran_order': False, 'shape': (1, 99999999999)}"), "empty or damaged shape"),
        (header("{'descr': '|i1', 'fortran_order': False, 'shape': (1, 4"), "empty or damaged shape"),
        (header("{'descr': '|i1', 'fortran_order': False, 'shape': 4}"), "has no shape"),
    ],
)
def test_npy_files_that_do_not_fit(run, tmp_path, content, sentence):
    path = tmp_path / "in.npy"
    path.write_bytes(content)
    assert sentence in run("int8.tflite", "--input", path, expect=2).stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--threads", 0), "--threads 0: give a number from 1 to 256"),
        (("--repeat", "many"), "--repeat many: give a number"),
        (("--seconds", "nan"), "--seconds nan: give seconds, more than 0"),
        (("--warmup", "0"), "--warmup 0: give seconds, more than 0"),
        (("--seconds", "1s"), "--seconds 1s: give seconds"),
        (("--latencies",), "--latencies goes with --json"),
        (("--kernels", "mmx"), "no kernels 'mmx'"),
        (("--precision", "half"), "--precision half: give float32 or float16"),
        (("--bogus",), "there is no option --bogus"),
        (("--input",), "--input needs a value"),
        (("another.tflite",), "give one model"),
        (("--input", "missing.npy"), "missing.npy cannot be read: No such file or directory"),
        (("--input", "a.npy", "--input", "b.npy"), "the model has 1 inputs, and 2 files were given"),
        (("--output", "a.npy", "--output", "b.npy"), "the model has 1 outputs, and 2 files were given"),
        (("--output", "/nowhere/out.npy"), "/nowhere/out.npy cannot be written: No such file or directory"),
    ],
)
def test_wrong_arguments(run, arguments, sentence):
    assert sentence in run("int8.tflite", *arguments, expect=2).stderr


def test_models_that_cannot_be_opened(run, tmp_path):
    assert "No such file" in run("missing.tflite", expect=2).stderr
    assert "WHERE" in run("data_dependent.tflite", expect=2).stderr
    (tmp_path / "cut.tflite").write_bytes(b"\0\0\0\0TFL3" + bytes(64))
    run(tmp_path / "cut.tflite", expect=2)


def test_a_pipe_is_written_to_and_not_replaced(run, tmp_path):
    run("int8.tflite", "--output", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_json_of_a_path_that_is_no_text(program, models, tmp_path):
    path = os.fsencode(tmp_path) + b'/\xff"\x01\\.tflite'
    shutil.copyfile(os.fsencode(models / "int8.tflite"), path)
    printed = subprocess.run([program, path, "--json"], capture_output=True, check=True).stdout
    assert json.loads(printed)["model"] == os.fsdecode(os.fsencode(tmp_path)) + '/\ufffd"\x01\\.tflite'


def test_text_and_profile(run):
    lines = run("int8.tflite", "--profile", "--repeat", 10).stdout
    for part in ("input    'features' int8 1x4", "sha256", "latency  median", "10 runs", "FULLY_CONNECTED"):
        assert part in lines
    document = json.loads(run("int8.tflite", "--profile", "--json", "--repeat", 4).stdout)
    assert document["profile"][0]["macs"] == 12
    assert 0 < document["min_us"] <= document["median_us"]
    assert document["runs"] == 4


def test_latencies_are_those_of_every_inference(run):
    document = json.loads(run("int8.tflite", "--json", "--repeat", 40, "--warmup", 0.01, "--latencies").stdout)
    latencies = document["latencies_us"]
    assert document["runs"] == len(latencies) == 40
    assert document["min_us"] == min(latencies)
    assert document["median_us"] == pytest.approx(np.median(latencies), abs=0.002)
    assert document["p95_us"] == pytest.approx(np.percentile(latencies, 95), abs=0.002)
    assert document["open_us"] > 0
    assert 0 < document["memory_bytes"]["before_opening"] <= document["memory_bytes"]["peak_of_process"]


def test_seconds_end_the_inferences(run):
    for most in ((), ("--repeat", 1_000_000)):
        assert 1 <= json.loads(run("int8.tflite", "--json", "--seconds", 0.001, *most).stdout)["runs"] < 1_000_000
    assert json.loads(run("int8.tflite", "--json", "--seconds", 60, "--repeat", 3).stdout)["runs"] == 3
    assert json.loads(run("int8.tflite", "--json", "--seconds", 1e-9).stdout)["runs"] == 1


def test_probe_version_and_help(program):
    def printed(option: str) -> str:
        return subprocess.run([program, option], capture_output=True, text=True, check=True).stdout

    device = json.loads(printed("--probe"))
    assert device["cpu"]["kernels"][0] == "scalar"
    assert device["memory_bytes"] > 0
    assert device["operations_per_second_on_one_core"]["int8"] > 0
    assert printed("--version") == f"edgequant-run {library().eq_version().decode()}\n"
    page = (DOCS / "native.md").read_text()
    for word in printed("--help").split():
        if word.startswith("--") and word.rstrip(",;") not in ("--version", "--help"):
            assert f"`{word.rstrip(',;')}" in page


def test_the_example_in_the_docs(models, tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    source = (DOCS / "native.md").read_text().partition("```c\n")[2].partition("```")[0]
    (tmp_path / "scores.c").write_text(source)
    built = Path(library()._name)
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-I", CSRC / "include", "-o", tmp_path / "scores"]
    subprocess.run([*command, tmp_path / "scores.c", built, f"-Wl,-rpath,{built.parent}"], check=True)
    done = subprocess.run([tmp_path / "scores", models / "int8.tflite"], capture_output=True, text=True, check=True)
    (expected,) = Session(models / "int8.tflite").run(np.zeros((1, 4), np.int8), raw=True).values()
    printed = [float(line) for line in done.stdout.split()]
    assert printed == pytest.approx((expected[0].astype(int) + 128) / 256, rel=1e-5)
    failed = subprocess.run([tmp_path / "scores", models / "data_dependent.tflite"], capture_output=True, text=True)
    assert (failed.returncode, "WHERE" in failed.stderr) == (1, True)


def test_float16_by_scalar_kernels_is_what_a_session_computes(run, models):
    name = "float.tflite"
    bits = json.loads(run(name, "--precision", "float16", "--kernels", "scalar", "--json").stdout)["sha256"]
    session = Session(models / name, precision="float16")
    shape = [max(size, 1) for size in session.inputs[0].shape]  # free sizes are 1 in the program
    values = (seeded(int(np.prod(shape))) >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)
    (output,) = session.run(values.reshape(shape)).values()
    assert bits == hashlib.sha256(output.tobytes()).hexdigest()
    assert bits != json.loads(run(name, "--json").stdout)["sha256"]


def test_float16_is_refused_where_kernels_lack_it(run):
    fast = [name for name in kernel_sets() if name in ("avx2", "neon", "armv6")]
    if not fast:
        pytest.skip("this CPU runs scalar kernels alone")
    refused = run("float.tflite", "--precision", "float16", "--kernels", fast[0], expect=2)
    assert "have no arithmetic on float16" in refused.stderr
