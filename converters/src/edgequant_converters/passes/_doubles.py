"""What is computed twice."""

from typing import Any

from edgequant_converters.ir import Graph, Operator, Tensor

_NEVER_ALIKE = frozenset({
    "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE",
    "CALL_ONCE", "IF", "WHILE", "CUSTOM",
})  # fmt: skip


def share_doubles(graph: Graph) -> None:
    """Compute once what two operators compute alike from the same inputs, in place."""
    first: dict[Any, Operator] = {}
    same: dict[Tensor, Tensor] = {}
    kept = []
    for operator in graph.operators:
        operator.inputs = [x if x is None else same.get(x, x) for x in operator.inputs]
        if not _may_be_shared(operator, graph):
            kept.append(operator)
            continue
        twin = first.setdefault(_key(operator), operator)
        if twin is operator:
            kept.append(operator)
        else:
            same.update(zip(operator.outputs, twin.outputs, strict=True))
    graph.operators = kept


def _may_be_shared(operator: Operator, graph: Graph) -> bool:
    if operator.code in _NEVER_ALIKE or any(x.variable for x in operator.given):
        return False
    return not any(x in graph.outputs for x in operator.outputs)


def _key(operator: Operator) -> Any:
    inputs = tuple(None if x is None else _value(x) for x in operator.inputs)
    outputs = tuple((x.type, x.shape) for x in operator.outputs)
    options = tuple(sorted((name, str(value)) for name, value in operator.options.items()))
    return operator.code, inputs, outputs, options


def _value(x: Tensor) -> Any:
    if x.is_constant and x.quantization is None and not isinstance(x.data, bytes):
        return x.type, x.shape, x.values.tobytes()
    return id(x)
