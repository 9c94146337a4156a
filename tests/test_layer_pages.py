"""The page on torch's modules says what scripts/torch_modules says, of every module in its table."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT, PAGE = ROOT / "scripts" / "torch_modules", ROOT / "docs" / "torch-modules.md"
REFUSED = {"FractionalMaxPool2d(2, output_size=4)", "FractionalMaxPool3d(2, output_size=3)", "LSTM(6, 8, proj_size=4)"}


def rows() -> dict[str, tuple[str, str]]:
    """Return the operators and the reasons by what each module is called."""
    found = re.findall(r"^\| `(.+)` \| (\d*) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {name: (operators, reasons) for name, operators, reasons in found}


def test_the_page_has_every_module_and_few_that_do_not_convert() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    (table,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODULES"
    )
    assert list(rows()) == [name for name, _ in table]
    assert {name for name, (_, reasons) in rows().items() if reasons} == REFUSED
    assert f"{len(table)} layers: {len(table) - len(REFUSED)} convert" in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.torch_export
def test_the_script_still_says_so() -> None:
    patterns = ["GLU*", "MaxPool2d(2)", "RNN(6, 8)", "EmbeddingBag(10, 6, mode='max')"]
    command = [sys.executable, str(SCRIPT), "--json", "--only", *patterns]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout)
    assert made
    for outcome in made:
        assert not outcome["reasons"]
        assert (str(outcome["operators"]), "") == rows()[outcome["layer"]]
