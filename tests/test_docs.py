"""The docs name what there is: every command has a page and help with an example, links lead somewhere."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *ROOT.glob("[!.]*/README.md"),
]
PAGE_OF = {"sign": "signing"}  # where the command has not its own
PACKAGE_READMES = [ROOT / part / "README.md" for part in ("device_checks", "runtime", "converters")]


def commands() -> dict[str, Any]:
    from edgequant._cli.app import app

    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_commands_are_the_promised_ones() -> None:
    assert set(commands()) == {
        "bench",
        "build-runner",
        "bundle",
        "check",
        "compare",
        "convert",
        "demo",
        "deploy",
        "doctor",
        "formats",
        "inspect",
        "report",
        "run",
        "sign",
        "smoke",
        "study",
        "targets",
        "task",
        "tensor",
        "wheel",
    }


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_a_page_that_shows_its_options(name: str) -> None:
    page = (ROOT / "docs" / f"{PAGE_OF.get(name, name)}.md").read_text(encoding="utf-8")
    assert f"edgequant {name}" in page
    options = [option for parameter in commands()[name].params for option in parameter.opts if option.startswith("-")]
    assert "--json" in options
    missing = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", page)]
    assert not missing


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_help_with_an_example(name: str, cli: Callable[..., Any]) -> None:
    result = cli(name, "--help")
    assert result.exit_code == 0
    assert f"edgequant {name} " in result.stdout.split("Options")[-1], "no example below the options"
    command = commands()[name]
    assert all(option.help for option in command.params), [option.name for option in command.params if not option.help]
    assert any("--json" in option.opts for option in command.params)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_page_has_a_place_in_the_site() -> None:
    listed = re.findall(r"[\w/.-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [str(page.relative_to(ROOT)) for page in PAGES]
    assert [page for page in pages if page not in listed and not page.startswith("changes/")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_scripts_exist(page: Path) -> None:
    for script in re.findall(r"(?<![\w/])scripts/[a-z0-9_]+", page.read_text(encoding="utf-8")):
        assert (ROOT / script).is_file(), script


@pytest.mark.parametrize("page", PACKAGE_READMES, ids=lambda page: page.parent.name)
def test_every_distribution_has_a_readme(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").split()) > 50


def test_no_text_installs_from_an_index_what_is_in_none() -> None:
    parts = ("edgequant", "scripts", "runtime", "converters", "device_checks", "tests")
    texts = [
        *PAGES,
        *(path for part in parts for kind in ("*.py", "*.md", "*.jinja") for path in ROOT.glob(f"{part}/**/{kind}")),
    ]
    by_name = re.compile(r"pip install (-\S+ )*['\"]?edgequant(-[a-z]+)*[\['\"`\s]")
    assert [str(path) for path in texts if by_name.search(path.read_text(encoding="utf-8"))] == []


def test_docs_of_convert_list_every_format_and_report_key() -> None:
    from edgequant_converters import Scheme

    page = (ROOT / "docs/convert.md").read_text(encoding="utf-8")
    for scheme in Scheme:
        assert f"| `{scheme}` |" in page
    for key in ("bytes", "source_bytes", "inputs[]", "outputs[]", "float_ops[]", "sqnr_db", "seconds", "warnings[]"):
        assert f"`{key}`" in page
