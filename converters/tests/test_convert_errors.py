"""What a user may get wrong: each is one sentence, and an output that was there before is untouched."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from edgequant_converters import CalibrationError, ConverterError, OutputError, SourceError, UnsupportedError, convert

OLD = b"the model that was here before"


def write_onnx(path: Path, op: str = "Relu", domain: str = "") -> Path:
    """A graph of one matrix product and one operator."""
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((16, 8)).astype(np.float32), "weight")
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node(op, ["product"], ["y"], domain=domain),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
        [weight],
    )
    opsets = [helper.make_opsetid("", 20), *([helper.make_opsetid(domain, 1)] if domain else [])]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_onnx(tmp_path / "net.onnx")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


@pytest.fixture
def refused(output: Path) -> Callable[..., str]:
    """Convert, expect the error, and check that nothing else happened; returns the message."""

    def run(error: type[ConverterError], source: Any, **arguments: Any) -> str:
        with pytest.raises(error) as caught:
            convert(source, arguments.pop("to", output), **arguments)
        message = str(caught.value)
        assert "\n" not in message
        assert message.endswith((".", "`"))
        assert output.read_bytes() == OLD
        assert list(output.parent.iterdir()) == [output], "a temporary file was left behind"
        return message

    return run


def test_source_that_is_missing(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "does not exist" in refused(SourceError, str(tmp_path / "nowhere.onnx"))


@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".pt2"])
@pytest.mark.parametrize("content", [b"", b"no model at all, only text" * 20], ids=["empty", "text"])
def test_source_that_is_no_model(suffix: str, content: bytes, refused: Callable[..., str], tmp_path: Path) -> None:
    source = tmp_path / f"broken{suffix}"
    source.write_bytes(content)
    assert source.name in refused(SourceError, source)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_source_that_is_cut_short(kept: float, network: Path, refused: Callable[..., str]) -> None:
    data = network.read_bytes()
    network.write_bytes(data[: int(len(data) * kept)])
    refused(SourceError, network)


def test_source_of_an_unknown_kind(refused: Callable[..., str], tmp_path: Path) -> None:
    source = tmp_path / "net.caffemodel"
    source.write_bytes(b"x")
    assert "SavedModel folder" in refused(SourceError, source)


def test_weights_without_their_network(refused: Callable[..., str], tmp_path: Path) -> None:
    source = tmp_path / "net.safetensors"
    source.write_bytes(b"x")
    assert "--weights net.safetensors" in refused(SourceError, source)


def test_operator_that_nobody_knows(refused: Callable[..., str], tmp_path: Path) -> None:
    source = write_onnx(tmp_path / "custom.onnx", "Frobnicate", "com.example")
    assert "Frobnicate" in refused(ConverterError, source)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_integer_formats_without_calibration(scheme: str, network: Path, refused: Callable[..., str]) -> None:
    assert "calibration" in refused(CalibrationError, network, quantize=scheme)


SAMPLES = np.zeros((12, 16), np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((12, 17), np.float32),
        np.array(["a"] * 12),
        np.full((12, 16), np.nan, np.float32),
        np.full((12, 16), np.inf, np.float32),
        np.zeros((0, 16), np.float32),
        SAMPLES.astype(np.complex64),
    ],
    ids=["shape", "strings", "nan", "infinity", "zero samples", "complex"],
)
def test_calibration_that_does_not_fit(
    samples: np.ndarray, network: Path, refused: Callable[..., str], tmp_path: Path
) -> None:
    data = tmp_path / "samples.npy"
    np.save(data, samples)
    refused(CalibrationError, network, quantize="int8", calibration=data)


def test_calibration_file_that_is_missing(network: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    assert "does not exist" in refused(CalibrationError, network, quantize="int8", calibration=tmp_path / "no.npy")


def test_calibration_file_that_holds_a_pickle(network: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    data = tmp_path / "samples.npy"
    np.save(data, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(CalibrationError, network, quantize="int8", calibration=data)


def test_number_format_that_does_not_exist(network: Path, refused: Callable[..., str]) -> None:
    assert "weight-int4" in refused(UnsupportedError, network, quantize="int7")


def test_pair_that_cannot_be_written_says_what_to_take(network: Path, refused: Callable[..., str]) -> None:
    assert "fp16" in refused(UnsupportedError, network, to=network.with_suffix(".tflite"), quantize="bf16")


@pytest.mark.parametrize(
    "arguments",
    [
        {"quantize": "int8", "calibration": SAMPLES, "io": "int8"},
        {"calibration_method": "guess"},
        {"keep_float": "("},
        {"weights": "weights.safetensors"},
        {"example_inputs": (1,)},
    ],
    ids=["io of onnx", "method", "regular expression", "weights", "example inputs"],
)
def test_argument_that_does_not_apply(arguments: dict[str, Any], network: Path, refused: Callable[..., str]) -> None:
    refused(UnsupportedError, network, **arguments)


def test_keep_float_that_matches_nothing_shows_what_it_could_match(network: Path, refused: Callable[..., str]) -> None:
    message = refused(UnsupportedError, network, quantize="int8", calibration=SAMPLES, keep_float="/9/Conv")
    assert message.startswith("'/9/Conv' matches no operator")
    assert "of the types MatMul, Relu;" in message


def test_output_suffix_chooses_the_format(network: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    assert ".tflite" in refused(OutputError, network, to=tmp_path / "model.bin")


def test_output_folder_that_is_missing(network: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    assert "folder that exists" in refused(OutputError, network, to=tmp_path / "nowhere" / "model.onnx")


def test_output_that_is_a_folder(network: Path, refused: Callable[..., str], tmp_path: Path) -> None:
    folder = tmp_path / "model.onnx"
    folder.mkdir()
    assert "folder" in refused(OutputError, network, to=folder)


def test_disk_that_is_full(output: Path, network: Path) -> None:
    """A limit on file size is met in the middle of writing, as a full disk is."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))"
    program = f"{limit}\nfrom edgequant._cli.app import main\nimport sys; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "convert", str(network), "-o", str(output)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ")
    assert "Traceback" not in finished.stderr
    assert output.read_bytes() == OLD
    assert list(output.parent.iterdir()) == [output]


def test_kill_halfway_keeps_the_old_output(output: Path, network: Path, tmp_path: Path) -> None:
    """The child says when it is in the middle of calibrating, and is killed there."""
    program = (
        "import sys, time, numpy as np\nfrom edgequant_converters import convert\n"
        "def samples():\n"
        "    for i in range(10**6):\n"
        "        if i == 5: print('halfway', flush=True); time.sleep(60)\n"
        "        yield np.zeros(16, np.float32)\n"
        "convert(sys.argv[1], sys.argv[2], quantize='int8', calibration=samples())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(network), str(output)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "halfway\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert output.read_bytes() == OLD


def test_interrupt_leaves_no_temporary_file(output: Path, network: Path) -> None:
    def samples() -> Any:
        yield np.zeros(16, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(network, output, quantize="int8", calibration=samples())
    assert output.read_bytes() == OLD
    assert list(output.parent.iterdir()) == [output]
