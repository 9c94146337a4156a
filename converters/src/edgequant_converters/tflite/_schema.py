"""The schema's numbers by name."""

from functools import cache
from typing import Any

from ._file import ModelT


def operator_name(model: ModelT, operator: Any) -> str:
    """Return the builtin operator's name, such as "CONV_2D"; "CUSTOM" for a custom one."""
    code = model.operatorCodes[operator.opcodeIndex]
    return _names("BuiltinOperator").get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")


def operator_code(model: ModelT, name: str) -> int:
    """Return the index of a builtin operator in the model's table of operator codes; it is added if it is not there."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator, OperatorCodeT

    number = getattr(BuiltinOperator, name)
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == number:
            return index
    model.operatorCodes.append(OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=min(number, 127), version=1))
    return len(model.operatorCodes) - 1


def type_name(code: int) -> str:
    """Return a tensor type's name, such as "FLOAT32"."""
    return _names("TensorType").get(code, "UNKNOWN")


@cache
def _names(enumeration: str) -> dict[int, str]:
    from ai_edge_litert import schema_py_generated

    members = vars(getattr(schema_py_generated, enumeration)).items()
    return {number: name for name, number in members if not name.startswith("_")}
