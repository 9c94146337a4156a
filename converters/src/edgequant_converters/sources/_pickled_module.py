"""Tell a pickled module from a checkpoint of weights by the pickle's instructions, none of which is carried out."""

import pickletools
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_MODULE_STATE = {"_modules", "_parameters"}  # attributes of every torch.nn.Module, which its pickle therefore sets
_OLD_HEADER = 3  # pickles before the object in files of PyTorch before 1.6: a magic number, a version, the platform


@dataclass(frozen=True)
class PickledModule:
    """A torch.nn.Module of the class `class_name`, dotted, which a file holds whole or under `key` of a dict."""

    class_name: str
    key: str | None


def find_pickled_module(path: Path) -> PickledModule | None:
    """Return the module that torch.save put into the file; None for weights alone and whatever is no torch file."""
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                found = [_module_in(_result(file)) for _ in range(_OLD_HEADER + 1)]
            return found[-1]
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl")
            with archive.open(name) as file:
                return _module_in(_result(file))
    except Exception:  # pickletools, zipfile and the stack below raise whatever damage leads them to
        return None


@dataclass(eq=False)
class _Value:
    """What is known of a value: text, a class by its name, or the class it is of and its items or attributes."""

    text: str | None = None
    class_name: str = ""
    items: dict[str, "_Value"] = field(default_factory=dict)


_MARK = _Value()


def _module_in(value: _Value) -> PickledModule | None:
    for key, item in [(None, value), *value.items.items()]:
        if item.items.keys() >= _MODULE_STATE:
            return PickledModule(item.class_name, key)
    return None


def _result(file: IO[bytes]) -> _Value:
    """Follow the instructions to the end on a stack of descriptions, and return that of the pickled object."""
    stack, memo = list[_Value](), dict[int, _Value]()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument or 0])
        elif opcode.name == "MARK":
            stack.append(_MARK)
        else:
            taken = _taken(opcode, stack)
            if opcode.name == "STOP":
                return taken[0]
            stack += [_made(opcode.name, argument, taken) for _ in opcode.stack_after]
    raise ValueError("the pickle does not end")


def _taken(opcode: pickletools.OpcodeInfo, stack: list[_Value]) -> list[_Value]:
    """Take an instruction's operands from the stack: those above the last mark, if it wants one, and those below."""
    below, above = len(opcode.stack_before), list[_Value]()
    if pickletools.markobject in opcode.stack_before:
        below = opcode.stack_before.index(pickletools.markobject)
        while (value := stack.pop()) is not _MARK:
            above.insert(0, value)
    first = len(stack) - below
    operands = stack[first:]
    del stack[first:]
    return operands + above


def _made(name: str, argument: object, taken: list[_Value]) -> _Value:
    match name:
        case "GLOBAL":
            return _Value(class_name=str(argument).replace(" ", "."))
        case "STACK_GLOBAL":
            return _Value(class_name=f"{taken[0].text}.{taken[1].text}")
        case "REDUCE" | "NEWOBJ" | "NEWOBJ_EX":
            return _Value(class_name=taken[0].class_name)
        case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3" | "BINPERSID":  # PyTorch before 1.6 stores ("module", class, ...)
            return _Value(class_name=next((value.class_name for value in taken if value.class_name), ""))
        case "BUILD":
            taken[0].items |= taken[1].items
            return taken[0]
        case "SETITEM" | "SETITEMS":
            taken[0].items |= {k.text: v for k, v in zip(taken[1::2], taken[2::2], strict=True) if k.text is not None}
            return taken[0]
        case "APPEND" | "APPENDS" | "ADDITEMS" | "DUP":
            return taken[0]
        case _:
            return _Value(text=argument if isinstance(argument, str) else None)
