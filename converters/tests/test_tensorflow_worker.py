"""The worker's process, seen from outside; what it converts is tested with the sources."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import edgequant_converters.sources._tensorflow as tensorflow_side
from edgequant_converters import SourceError, UnsupportedError
from edgequant_converters.sources._tensorflow import run_tensorflow

pytestmark = pytest.mark.tensorflow

REQUEST = {"kind": "keras", "path": "net.keras", "description": "net.keras (Keras)", "target": "litert"}


def use_worker(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(tensorflow_side, "_WORKER", [sys.executable, "-c", f"import os, sys\n{code}"])
    monkeypatch.setattr(tensorflow_side, "find_spec", lambda name: object())


def test_the_answer_is_the_last_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    use_worker(monkeypatch, """print('{"inputs": ["x"]}'); print("chatter", file=sys.stderr)""")
    assert run_tensorflow(REQUEST) == {"inputs": ["x"]}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [SourceError, UnsupportedError])
def test_an_error_sentence_becomes_the_same_error(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    answer = json.dumps({"error": kind.__name__, "message": "It cannot be done."})
    use_worker(monkeypatch, f"print({answer!r})")
    with pytest.raises(kind, match=r"^It cannot be done\.$"):
        run_tensorflow(REQUEST)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "was killed, most likely because the memory ran out"),
        (
            "sys.stderr.write('1\\n2 bad\\n'); sys.stderr.flush(); os.abort()",
            r"crashed with SIGABRT .*last words: 2 bad",
        ),
        ("os.kill(os.getpid(), 11)", "crashed with SIGSEGV"),
        ("sys.exit('no library')", "ended with exit code 1 .*last words: no library"),
        ("pass", "ended with exit code 0"),
    ],
)
def test_a_worker_that_dies_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, code: str, reason: str) -> None:
    use_worker(monkeypatch, code)
    with pytest.raises(SourceError, match=rf"^net.keras \(Keras\): TensorFlow's process {reason}") as caught:
        run_tensorflow(REQUEST)
    assert "\n" not in str(caught.value)


def test_a_missing_tensorflow_is_told_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_side, "find_spec", lambda name: None if name == "tensorflow" else object())
    with pytest.raises(UnsupportedError, match=r"TensorFlow is needed .*in a checkout .*'\.\[keras\]'$"):
        run_tensorflow(REQUEST)


def test_the_users_settings_do_not_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", "/nowhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    use_worker(monkeypatch, "import json; print(json.dumps(dict(os.environ)))")
    environment: dict[str, Any] = run_tensorflow(REQUEST)
    assert environment["KERAS_BACKEND"] == "tensorflow"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["KERAS_HOME"] != "/nowhere"


def test_a_module_in_the_working_folder_is_not_imported(
    keras_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    request = REQUEST | {"path": str(keras_folder / "lambda.h5"), "output": "out", "samples": "samples.npz"}
    with pytest.raises(SourceError, match="has a Lambda layer"):
        run_tensorflow(request)


def test_nothing_of_tensorflow_is_imported_here() -> None:
    assert not {"tensorflow", "tf2onnx"} & set(sys.modules)
