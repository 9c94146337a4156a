"""Every `edgequant` command in the README and the docs is run as it is written, or parsed where a reason is given."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
KEPT = ROOT / "tests" / "boards" / "fixtures" / "schema-1"

# Why a command is parsed and not run: the first pattern that it matches. What runs it elsewhere is named.
NOT_RUN = {
    r" --host ": "needs a board over ssh: boards/test_quick_start.py and boards/test_*_ssh.py have one on loopback",
    r" --emulate ": "needs an emulator: boards/test_quick_start.py, boards/test_smoke_emulated.py",
    r" --inventory ": "needs boards and ansible-core: boards/test_fleet.py",
    r"^sign |--allowed-signers": "needs the reader's own keys: boards/test_signing.py",
    r"^(build-runner|wheel|bundle [^v])": "compiles for minutes: boards/test_runner.py, test_wheels.py, test_bundle.py",
    r"^study zoo": "needs the reader's own network: test_study.py",
    r"^(convert|doctor|demo)": "takes minutes: test_convert_command.py, test_demo.py, converters/tests",
    r"^report": "measures and draws for a minute: test_report.py",
    r"(yolo|detector|faces)\.tflite": "needs the reader's own detector: test_task_command.py",
    r"pets\.t": "needs what the tutorial converts: test_tutorial.py",
    r" --seconds 30": "takes 30 seconds",
    r"^deploy .*--local --path /srv": "writes to /srv: boards/test_deploy_command.py deploys locally",
    r"^check --from dump.txt": "needs a dump of the reader's board: test_check.py",
    r"tokens\.npz|test\.npz": "needs the reader's own model of several inputs: test_run.py, test_compare.py",
    r"demo-output": "needs what `demo` trains: boards/test_quick_start.py",
    r"^inspect resnet_int8.*--ops": "the same model as the line before it, in full: test_inspect.py",
}
STARTED = r"^(?:    |\$ )?edgequant (?P<words>[a-z].*)$"


def commands() -> list[tuple[str, str]]:
    """Return (place, command line after `edgequant`) of every line of a block that starts with the command."""
    found = []
    for page in PAGES:
        fenced = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            fenced ^= line.startswith("```")
            match = re.match(STARTED, line)
            if match and (fenced or line.startswith("    ")):
                words = re.split(r"\s+#|\s*&&|\s*\|", match["words"])[0].strip()
                found.append((f"{page.relative_to(ROOT)}:{number}", words))
    return found


def reason(words: str) -> str | None:
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, words)), None)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the docs speak of: a float and an int8 network, and data for them."""
    folder, models = tmp_path_factory.mktemp("desk"), ROOT / "runtime" / "tests" / "models"
    for source, names in {
        "float.tflite": ["fp32.tflite", "fp16.tflite", "model.tflite"],
        "int8_float_io.tflite": ["int8.tflite", "resnet_int8.tflite", "quantized.tflite"],
        "float.onnx": ["model.onnx", "resnet.onnx", "original.onnx"],
    }.items():
        for name in names:
            shutil.copy(models / source, folder / name)
    shutil.copy(KEPT / "x86-64.tar.gz", folder / "kws.tar.gz")
    rng = np.random.default_rng(0)
    for name in ("weights.npy", "uniform.npy", "kernel.npy"):
        np.save(folder / name, rng.uniform(-1000, 1000, (8, 2, 2, 64)).astype(np.float32))
    np.save(folder / "images.npy", rng.uniform(-1, 1, (1, 4)).astype(np.float32))
    np.save(folder / "test.npy", rng.uniform(-1, 1, (16, 4)).astype(np.float32))
    (folder / "labels.txt").write_text("cat\ndog\nbird\n")
    np.save(folder / "labels.npy", rng.integers(0, 3, 16))
    result = {"model": "int8.tflite", "format": "int8", "engine": "native", "threads": 1, "median_us": 800.0}
    for name in ("bench-on-pi4.json", "pi4.json", "bench.json"):
        (folder / name).write_text(json.dumps({"results": [result]}))
    return folder


def test_the_docs_have_commands_and_no_reason_is_left_over() -> None:
    lines = [words for _, words in commands()]
    assert len(lines) > 60
    assert len([words for words in lines if reason(words) is None]) >= 20
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, words) for words in lines)] == []


@pytest.mark.parametrize(("place", "words"), commands(), ids=lambda value: value if ".md:" in value else "")
def test_a_command_does_what_the_docs_say(
    place: str, words: str, cli: Callable[..., Any], desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    plain, _, redirected = words.partition(" > ")
    arguments = shlex.split(plain)
    if reason(plain) is not None:
        from edgequant._cli.app import app

        command = typer.main.get_command(app).commands[arguments[0]]  # type: ignore[attr-defined]
        command.make_context(arguments[0], arguments[1:])  # raises at options that there are not
        return
    if arguments[0] == "bench":
        arguments += ["--seconds", "0.2"]
    done = cli(*arguments)
    assert done.exit_code == 0, f"{place}: {done.stderr}"
    if redirected:
        assert json.loads(done.stdout)
