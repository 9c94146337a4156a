"""Every block of Python in the README and the docs is run as it is written, and gives what its comments say."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir
from edgequant_device_checks import for_board

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "runtime" / "tests" / "models"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
torch_export = pytest.mark.torch_export
Names = dict[str, Any]


def image() -> Names:
    return {"image": np.ones((1, 4), np.float32), "image_int8": np.ones((1, 4), np.int8)}


def linear_layers() -> Names:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential()
    net.add_module("body", torch.nn.Linear(64, 64))
    net.add_module("classifier", torch.nn.Linear(64, 4))
    rng = np.random.default_rng(0)
    return {"net": net, "weights": rng.normal(size=(8, 64)), "activations": rng.uniform(0, 1, 100)}


def photo() -> Names:
    """Write a picture, and a classifier that sees a cat in any."""
    images = pytest.importorskip("PIL.Image")
    images.new("RGB", (8, 8)).save("photo.jpg")
    graph = Graph(inputs=[Tensor("image", (1, 8, 8, 3))])
    build = Builder(graph)
    means = build.reduce("MEAN", graph.inputs[0], [1, 2], keep=False)
    bias = build.constant([np.log(0.93 / 0.07), 0], np.float32)
    logits = build.fully_connected(means, build.constant(np.zeros((2, 3), np.float32)), bias)
    graph.outputs = [build.unary("SOFTMAX", logits, beta=1.0)]
    Path("model.tflite").unlink()  # a link to another one
    Path("model.tflite").write_bytes(write_ir(Model([graph], ["image"], ["classes"])))
    return {}


# The names that a page takes for granted.
GIVEN: dict[str, Callable[[], Names]] = {
    "README.md": dict,
    "converters/README.md": dict,
    "device_checks/README.md": dict,
    "docs/adding-an-operator.md": dict,
    "docs/formats.md": dict,
    "docs/linear-quantization.md": linear_layers,
    "docs/native.md": image,
    "docs/qat.md": dict,
    "docs/smaller.md": dict,
    "docs/task.md": photo,
    "runtime/README.md": image,
}
TRAINS_OR_EXPORTS = {"README.md", "converters/README.md", "docs/qat.md", "docs/smaller.md"}
PRINTS = {  # a pattern of what the blocks of a page print
    "README.md": r"\d+ [\d.]+ \(\)\n",
    "docs/adding-an-operator.md": r"\['REVERSE_V2'.*\]\n\[\[\[.*\]\]\]\n",
    "docs/native.md": r"native None\n",
    "docs/task.md": r"cat 0\.93\ndog 0\.07\n",
    "docs/smaller.md": r".* MACs to .*\n\d+ 0\.9\d+\n",
    "docs/qat.md": r"digits\.tflite \d+ 0\.9\d+\ndigits\.onnx \d+ 0\.9\d+\n",
}
# What is a part of a program, and its beginning; the program is run as a test of its own.
PARTS = {"docs/adding-an-operator.md": "@given"}


def run(block: str, names: Names) -> int:
    """Run a block with these names; return how many of its comments are values, each of which was right."""
    compared = 0
    for statement in ast.parse(block).body:
        value = None
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), "block", "eval"), names)
        else:
            exec(compile(ast.Module([statement], []), "block", "exec"), names)
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                value = names[statement.targets[0].id]
        line = block.splitlines()[(statement.end_lineno or 0) - 1]
        said = line.partition("  # ")[2].split(": ")[0]
        try:
            expected = ast.literal_eval(said)
        except (SyntaxError, ValueError):
            continue  # words
        assert (value if isinstance(value, str) else np.asarray(value).tolist()) == expected, line
        compared += 1
    return compared


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a block is run in, with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # what a block adds to sys.path goes with it
    (tmp_path / "runtime").symlink_to(ROOT / "runtime")
    (tmp_path / "model.tflite").symlink_to(MODELS / "int8.tflite")
    (tmp_path / "net.onnx").symlink_to(MODELS / "float.onnx")
    (tmp_path / "lscpu.txt").symlink_to(ROOT / "device_checks" / "tests" / "fixtures" / "pi4-64bit.lscpu")
    np.save("samples.npy", np.random.default_rng(0).uniform(-1, 1, (16, 4)).astype(np.float32))
    return tmp_path


def test_the_table_has_every_page_with_python() -> None:
    having = {str(page.relative_to(ROOT)) for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))}
    assert having == set(GIVEN)


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[torch_export] if page in TRAINS_OR_EXPORTS else []) for page in GIVEN]
)
def test_a_block_does_what_the_docs_say(
    page: str, desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no board at the address that a page has: device_checks/tests/test_ssh.py tests `over_ssh`.
    monkeypatch.setattr("edgequant_device_checks.over_ssh", lambda host: for_board("pi5"))
    compared = 0
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if page in PARTS and block.startswith(PARTS[page]):
            continue
        compared += run(block, {"__name__": "__main__", **GIVEN[page]()})
    assert re.fullmatch(PRINTS.get(page, r"(?s:.*)"), capsys.readouterr().out, re.DOTALL)
    assert compared == (5 if page == "docs/formats.md" else 0)
