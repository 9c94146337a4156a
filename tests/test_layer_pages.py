"""The pages on torch's modules and Keras' layers say what their scripts say, of everything in the scripts' tables."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {"torch_modules": ROOT / "docs" / "torch-modules.md", "keras_layers": ROOT / "docs" / "keras-layers.md"}
TABLES = {"torch_modules": "MODULES", "keras_layers": "LAYERS"}
REFUSED = {
    "torch_modules": {"FractionalMaxPool2d(2, output_size=4)", "FractionalMaxPool3d(2, output_size=3)"},
    "keras_layers": {"HashedCrossing(8)", "IntegerLookup(vocabulary=[2, 3, 5, 7])"},
}


def rows(script: str) -> list[tuple[str, str, str]]:
    """Return what each layer is called, its operators and the reasons."""
    return re.findall(r"^\| `(.+)` \| (\d*) \| (.*) \|$", PAGES[script].read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("script", PAGES)
def test_the_page_has_every_layer_and_few_that_do_not_convert(script: str) -> None:
    tree = ast.parse((ROOT / "scripts" / script).read_text(encoding="utf-8"))
    (table,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == TABLES[script]
    )
    refused = REFUSED[script]
    assert [name for name, _, _ in rows(script)] == [name for name, _ in table]
    assert {name for name, _, reasons in rows(script) if reasons} == refused
    page = PAGES[script].read_text(encoding="utf-8")
    assert f"{len(table)} layers: {len(table) - len(refused)} convert" in page


@pytest.mark.slow
@pytest.mark.torch_export
def test_the_script_still_says_so() -> None:
    patterns = ["GLU*", "MaxPool2d(2)", "RNN(6, 8)", "EmbeddingBag(10, 6, mode='max')"]
    command = [sys.executable, str(ROOT / "scripts" / "torch_modules"), "--json", "--only", *patterns]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout)
    assert made
    known = {name: (operators, reasons) for name, operators, reasons in rows("torch_modules")}
    for outcome in made:
        assert not outcome["reasons"]
        assert (str(outcome["operators"]), "") == known[outcome["layer"]]
