"""The site's pages that are made of other sources. `scripts/check` builds the site, which ends at a dead link."""

import importlib.machinery
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADERS = sorted((ROOT / "runtime" / "csrc" / "include").glob("*.h"))


@pytest.fixture(scope="module")
def site() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("edgequant_site", str(ROOT / "scripts" / "site"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module  # where dataclasses look for it
    loader.exec_module(module)
    return module


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_the_reference_of_c_has_every_function_and_type_with_its_comment(site: ModuleType, header: Path) -> None:
    text, page = header.read_text(encoding="utf-8"), site.c_page(header.name)
    functions = re.findall(r"^EQ_API [^(]*?\b(eq_\w+)\(", text, re.M)
    types = re.findall(r"^typedef (?:enum|struct) (eq_\w+)", text, re.M)
    assert len(functions) > 10 and len(types) > 5
    titles = re.findall(r"^### (\w+)$", page, re.M)
    assert set(functions) | set(types) <= set(titles)
    assert len(titles) == len(set(titles))
    said = {" ".join(site.words(comment).split()) for comment in re.findall(r"^/\*(?! ----).*?\*/", text, re.M | re.S)}
    shown = " ".join(page.split())
    assert [comment for comment in said if comment not in shown] == []


def test_packages_of_the_reference_are_importable_names(site: ModuleType) -> None:
    for package in site.PYTHON:
        assert importlib.util.find_spec(package) is not None
