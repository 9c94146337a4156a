"""One version: a release that forgets a place would mix its parts."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = (ROOT, ROOT / "device_checks", ROOT / "runtime", ROOT / "converters")
VERSION = r"\d+\.\d+\.\d+"


def test_every_place_has_the_same_version() -> None:
    found = {}
    for part in PARTS:
        text = (part / "pyproject.toml").read_text(encoding="utf-8")
        found[f"{part.name}/pyproject.toml"] = re.findall(rf'^version = "({VERSION})"$', text, re.M)
        found[f"{part.name}/pins"] = re.findall(rf'"edgequant-[a-z-]+(?:\[[a-z,]+\])?==({VERSION})"', text)
    face = (ROOT / "edgequant" / "__init__.py").read_text(encoding="utf-8")
    found["__version__"] = re.findall(rf'^__version__ = "({VERSION})"$', face, re.M)
    cmake = (ROOT / "runtime" / "csrc" / "CMakeLists.txt").read_text(encoding="utf-8")
    found["CMakeLists.txt"] = re.findall(rf"^project\(edgequant VERSION ({VERSION})", cmake, re.M)
    galaxy = (ROOT / "ansible" / "galaxy.yml").read_text(encoding="utf-8")
    found["galaxy.yml"] = re.findall(rf"^version: ({VERSION})$", galaxy, re.M)
    assert len({version for versions in found.values() for version in versions}) == 1, found
    assert [place for place, versions in found.items() if not versions and not place.endswith("/pins")] == []
