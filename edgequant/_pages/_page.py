"""A page is a template that extends `base.html.jinja`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgequant_converters import replacing


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as an SVG element, and what it shows in words."""

    svg: str
    caption: str
    alt: str


def write_page(
    path: Path, package: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]] | None = None
) -> None:
    """Fill `page.html.jinja` of `package` with `values` and write it in one step; raises OutputError."""
    page = render_page(package, values, filters)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="replace")  # names of files may be no text


def render_page(
    package: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]] | None = None
) -> str:
    """Return `page.html.jinja` of `package`, filled with `values`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loader = ChoiceLoader([PackageLoader(package, ""), PackageLoader(__package__, "")])
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=loader, undefined=StrictUndefined
    )
    environment.filters |= filters or {}
    return environment.get_template("page.html.jinja").render(values)
