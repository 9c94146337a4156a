"""The worker's process, seen from outside; what it converts is tested with the sources."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgequant_converters.sources._tensorflow as tensorflow_side
from edgequant_converters import SourceError, UnsupportedError
from edgequant_converters.sources._tensorflow import ReusableTensorFlow, TensorFlowProcess

pytestmark = pytest.mark.tensorflow

DESCRIPTION = "net.keras (Keras)"
SERVING = "from edgequant_runtime.isolation import serve\nserve(lambda request, arrays, notify: (ANSWER, arrays))"


@pytest.fixture
def use_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that puts a program in the worker's place, or one that answers each request with an expression."""

    def use(program: str | None = None, answer: str = "{}") -> None:
        (tmp_path / "stand_in.py").write_text(f"import os, sys\n{program or SERVING.replace('ANSWER', answer)}\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(tensorflow_side, "_WORKER", "stand_in")
        monkeypatch.setattr(tensorflow_side, "find_spec", lambda name: object())

    return use


def ask(request: dict[str, Any] | None = None) -> dict[str, Any]:
    with TensorFlowProcess(DESCRIPTION) as process:
        return process.ask(request or {"do": "load"})[0]


def test_what_libraries_print_is_no_answer(use_worker: Any, capfd: pytest.CaptureFixture[str]) -> None:
    use_worker(answer="(print('chatter'), print('more', file=sys.stderr), {'seen': request})[-1]")
    assert ask() == {"seen": {"do": "load", "description": DESCRIPTION}}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", [SourceError, UnsupportedError])
def test_a_refusal_becomes_the_same_error(use_worker: Any, kind: type[Exception]) -> None:
    use_worker(answer=f"{{'refusal': {kind.__name__!r}, 'message': 'It cannot be done.'}}")
    with pytest.raises(kind, match=r"^It cannot be done\.$"):
        ask()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "was killed, most likely because the memory ran out, while"),
        ("sys.stderr.write('1\\n2 bad\\n'); sys.stderr.flush(); os.abort()", r"died of SIGABRT .*last words: 2 bad"),
        ("os.kill(os.getpid(), 11)", "died of SIGSEGV while"),
        ("sys.exit('no library')", "ended its process with exit code 1 .*last words: no library"),
        ("pass", "ended its process with exit code 0 while"),
    ],
)
def test_a_worker_that_dies_is_a_clear_error(use_worker: Any, code: str, reason: str) -> None:
    use_worker(code)
    with pytest.raises(
        SourceError, match=rf"^TensorFlow {reason}.* converting net.keras \(Keras\): try another"
    ) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_a_missing_tensorflow_is_told_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_side, "find_spec", lambda name: None if name == "tensorflow" else object())
    with pytest.raises(UnsupportedError, match=r"TensorFlow is needed .*in a checkout .*'\.\[keras\]'$"):
        ask()


def test_the_users_settings_do_not_reach_the_worker(use_worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("KERAS_HOME", "/nowhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    use_worker(answer="dict(os.environ)")
    environment = ask()
    assert environment["KERAS_BACKEND"] == "tensorflow"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment["KERAS_HOME"] != "/nowhere"
    assert not Path(environment["KERAS_HOME"]).exists()


def test_a_module_in_the_working_folder_is_not_imported(
    keras_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "h5py.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="has a Lambda layer"):
        ask({"do": "load", "kind": "keras", "path": str(keras_folder / "lambda.h5")})


def test_nothing_of_tensorflow_is_imported_here() -> None:
    # In a process of its own: other tests import libraries that look for TensorFlow.
    imports = "import sys, edgequant_converters.sources._tensorflow_source, edgequant_converters.sources._keras"
    check = f"{imports}; sys.exit(bool({{'tensorflow', 'keras', 'tf2onnx'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_process_is_reused_until_it_dies(use_worker: Any) -> None:
    use_worker(answer="os._exit(3) if request['do'] == 'die' else {'pid': os.getpid()}")
    reusable = ReusableTensorFlow()
    with reusable.reused():
        first = ask()
        assert ask() == first
        with pytest.raises(SourceError, match="exit code 3"):
            ask({"do": "die"})
        second = ask()
        assert second != first
    assert ask() not in (first, second)
    reusable.close()
