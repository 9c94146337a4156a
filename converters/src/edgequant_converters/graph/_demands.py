"""What a model file asks of an engine before a tensor is looked at: operators, and the versions of all."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from edgequant_converters.tflite import operator_name, read_model

from ._onnx import load_onnx, text


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator by name. `domain` is ONNX's (empty for its own), `version` LiteRT's; ONNX's are told by its opsets.

    `is_custom`: a .tflite's operator that is none of LiteRT's builtin ones.
    """

    name: str
    domain: str = ""
    version: int = 0
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class Demands:
    """How often each operator occurs, inner graphs included; for ONNX the opset of each domain and the IR version."""

    operators: Mapping[Operator, int]
    opsets: Mapping[str, int] = field(default_factory=dict)
    ir_version: int = 0


def read_demands(path: str | os.PathLike[str]) -> Demands:
    """Read what a .tflite or .onnx file asks for; raises SourceError for a file that is none."""
    file = Path(path)
    return _litert_demands(file) if file.suffix.lower() == ".tflite" else _onnx_demands(file)


def _litert_demands(path: Path) -> Demands:
    model = read_model(path)
    found: Counter[Operator] = Counter()
    for graph in model.subgraphs:
        for op in graph.operators or []:
            code = model.operatorCodes[op.opcodeIndex]
            name = operator_name(model, op)
            if name == "CUSTOM":
                custom = code.customCode or b""
                text = custom.decode(errors="replace") if isinstance(custom, bytes) else custom
                found[Operator(text, version=code.version, is_custom=True)] += 1
            else:
                found[Operator(name, version=code.version)] += 1
    return Demands(found)


def _onnx_demands(path: Path) -> Demands:
    model = load_onnx(path)
    own = {(text(one.domain), text(one.name)) for one in model.functions}
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    found = Counter(
        Operator(text(node.op_type), _domain(node.domain))
        for nodes in bodies
        for node in _nodes(nodes)
        if (text(node.domain), text(node.op_type)) not in own
    )
    opsets = {_domain(one.domain): one.version for one in model.opset_import}
    return Demands(found, opsets, model.ir_version)


def _domain(name: bytes | str) -> str:
    """Return a domain's name; ONNX's own has two."""
    return "" if text(name) == "ai.onnx" else text(name)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterable[onnx.NodeProto]:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                pending += graph.node
