"""docs/operators.md says what the sources say."""

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "operators_table"


@pytest.fixture(scope="module")
def operators_table() -> ModuleType:
    if not SCRIPT.exists():
        pytest.skip("needs the repository: scripts/operators_table is not in the wheel")
    loader = importlib.machinery.SourceFileLoader("operators_table", str(SCRIPT))
    spec = importlib.util.spec_from_loader("operators_table", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_page_is_what_the_sources_say(operators_table: ModuleType) -> None:
    page = (ROOT / "docs" / "operators.md").read_text()
    assert page == operators_table.table(), "write it anew: scripts/operators_table > docs/operators.md"


def test_operators_are_found_with_what_their_files_say(operators_table: ModuleType) -> None:
    known = operators_table.operators()
    assert len(known) > 60
    assert known["CONV_2D"].kernel == "gemm"
    assert known["CONV_2D"].note.startswith("any stride")
    assert all(operator.types for operator in known.values())


def test_kernels_are_found_where_they_are(operators_table: ModuleType) -> None:
    sets = dict(zip(operators_table.COLUMNS, operators_table.kernel_sets("gemm")))
    assert sets["ARMv6"] == "armv6"
    assert sets["ARMv8 dotprod"] == "dotprod"
    assert sets["AVX-512 VNNI"] == "avx512vnni"
