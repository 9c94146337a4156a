"""Who may import whom: each part in a fresh process, and the text of every module."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = {
    "edgequant_device_checks": ROOT / "device_checks/src/edgequant_device_checks",
    "edgequant_runtime": ROOT / "runtime/src/edgequant_runtime",
    "edgequant_converters": ROOT / "converters/src/edgequant_converters",
    "edgequant": ROOT / "edgequant",
}
HEAVY = {"torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "ai_edge_quantizer", "jax"}
# What each part may never import, wherever in its modules the import stands.
FORBIDDEN = {
    "edgequant_device_checks": HEAVY | {"numpy", "rich", "typer", *PARTS} - {"edgequant_device_checks"},
    "edgequant_runtime": HEAVY - {"onnxruntime", "ai_edge_litert"} | {"rich", "typer", *PARTS} - {"edgequant_runtime"},
    "edgequant_converters": {"rich", "typer", *PARTS} - {"edgequant_converters", "edgequant_runtime"},
    "edgequant": set(),
}  # fmt: skip


def imported_names(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("part", PARTS)
def test_no_module_imports_what_its_part_may_not(part: str) -> None:
    modules = list(PARTS[part].rglob("*.py"))
    assert modules
    offenders = {
        str(module.relative_to(ROOT)): found
        for module in modules
        if (found := imported_names(module) & (FORBIDDEN[part] - {part}))
    }
    assert not offenders


OPENS_AN_ENGINE = {"Interpreter", "InferenceSession", "Session"}
MAY_OPEN_ENGINES = {
    "edgequant/_bench_worker.py",  # is a process of its own
    "edgequant/_bundle/board_smoke.py",  # so is this, on boards
}


@pytest.mark.parametrize("part", ["edgequant", "edgequant_converters"])
def test_engines_are_opened_in_a_process_of_their_own(part: str) -> None:
    offenders = set()
    for module in PARTS[part].rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.Call)]
        names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", None) for call in calls}
        if names & OPENS_AN_ENGINE:
            offenders.add(str(module.relative_to(ROOT)))
    assert offenders <= MAY_OPEN_ENGINES


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("part", PARTS)
def test_importing_a_part_loads_nothing_heavy_and_no_numpy(part: str) -> None:
    assert not loaded_by(f"import {part}") & (HEAVY | {"numpy"})


def test_device_checks_load_the_standard_library_alone() -> None:
    beyond = loaded_by("import edgequant_device_checks") - set(sys.stdlib_module_names) - {"edgequant_device_checks"}
    at_start = loaded_by("pass")
    assert not beyond - at_start


def test_help_loads_nothing_heavy_and_no_numpy() -> None:
    loaded = loaded_by("from edgequant._cli.app import main\nassert main(['--help']) == 0")
    assert not loaded & (HEAVY | {"matplotlib", "numpy", "sklearn"})
