"""Holds what a model asks for against the tables that scripts/engine_limits writes."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgequant_converters.graph import Demands, Operator

# Custom operators that say what a model was made for, by the beginning of their name.
_MADE_FOR = (
    ("edgetpu-custom-op", "compiled for Google's Edge TPU, and run there alone: take the model from before that"),
    ("ethos-u", "compiled for Arm's Ethos-U, and run there alone: take the model from before that"),
    ("Flex", "of TensorFlow, which LiteRT's packages do not have: convert without SELECT_TF_OPS"),
)
_CUSTOM = "custom, known only to the program that the model was made for"


def missing_in_litert(demands: "Demands") -> list[str]:
    """Return what LiteRT does not know, a part of a sentence for each reason, with the operators counted."""
    table = _table("litert")
    return _grouped(demands, lambda operator: _litert_lacks(operator, table))


def _litert_lacks(operator: "Operator", table: dict[str, Any]) -> tuple[str, str] | None:
    """Return an operator's name and why LiteRT does not run it, None if it does."""
    if operator.is_custom:
        told = next((told for start, told in _MADE_FOR if operator.name.startswith(start)), _CUSTOM)
        return None if operator.name in table["custom"] else (operator.name, told)
    oldest, newest = table["operators"].get(operator.name, (0, -1))
    if oldest <= operator.version <= newest:
        return None
    if newest < 0:
        return operator.name, f"not in LiteRT {_release(table)}"
    return f"{operator.name} in version {operator.version}", f"LiteRT {_release(table)} has {oldest} to {newest}"


def missing_in_onnxruntime(demands: "Demands") -> list[str]:
    """Return what ONNX Runtime does not know, a part of a sentence for each reason, with the operators counted."""
    table = _table("onnxruntime")
    return [*_versions(demands, table), *_grouped(demands, lambda operator: _onnxruntime_lacks(operator, table))]


def _versions(demands: "Demands", table: dict[str, Any]) -> Iterator[str]:
    if demands.ir_version > table["newest_ir"]:
        yield f"IR version {demands.ir_version} (ONNX Runtime {_release(table)} reads up to {table['newest_ir']})"
    for domain, newest in table["newest_opset"].items():
        if demands.opsets.get(domain, 0) > newest:
            title = f"opset {demands.opsets[domain]}" + (f" of {domain}" if domain else "")
            yield f"{title} (ONNX Runtime {_release(table)} has up to {newest})"


def _onnxruntime_lacks(operator: "Operator", table: dict[str, Any]) -> tuple[str, str] | None:
    names = table["operators"].get(operator.domain)
    if names is None:
        return operator.name, f"of {operator.domain}, a library of its own, which a Session does not load"
    if operator.name in names:
        return None
    return operator.name, f"{f'of {operator.domain}, ' if operator.domain else ''}not in ONNX Runtime {_release(table)}"


def _grouped(demands: "Demands", lacks: "Callable[[Operator], tuple[str, str] | None]") -> list[str]:
    names: dict[str, list[str]] = {}
    for operator, count in demands.operators.items():
        found = lacks(operator)
        if found:
            names.setdefault(found[1], []).append(f"{count} {found[0]}" if count > 1 else found[0])
    return [f"{', '.join(sorted(listed))} ({reason})" for reason, listed in names.items()]


def _release(table: dict[str, Any]) -> str:
    return str(table["source"].split()[1].rstrip(","))


@cache
def _table(engine: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files(__package__).joinpath(f"{engine}.json").read_text(encoding="utf-8"))
    return table
