"""The JSON documents of a .pt2 file, checked before PyTorch reads them.

PyTorch evaluates the shape expressions, looks operators up by any dotted name (`torch.os.system` is one) and calls
them, imports the modules that the descriptions of nested arguments name, and makes Python code of the names of values,
as they stand in the file. So every text in a document has to be of the one form that its place has. Of the text that
only describes where a value came from, the path of its module is kept, which names tensors in converted models.
"""

import json
import re
from typing import Any

from ._symbolic import is_arithmetic

_NAME = re.compile(r"[^\W\d]\w*")  # of a value, an argument: Python code is made of it
_LABEL = re.compile(r"[\w.+\-/: ]*")  # of a parameter, a module, a version: nothing can be called in it, no text ends
_PLAIN_TEXT = {"as_string", "as_strings"}
_NAMES = {"name", "as_name", "forward_arg_names", "class_fqn"}
_FILE = re.compile(r"(weight|tensor)_\d+")

_PATH = r"(?:[\w.+\-/: @]|\['?\w+'?\])*"  # to a module: its brackets, at which PyTorch splits no text, are in pairs
_CLASS = r"(?:\w+|<locals>)(?:\.(?:\w+|<locals>))*"
_IN_MODULE = rf"{_PATH},{_PATH},{_CLASS}"
_MODULE_STACK = re.compile(rf"{_IN_MODULE}(?:;{_IN_MODULE})*")

_OPERATOR = re.compile(r"torch\.ops\.(aten|prims)\.(\w+)\.\w+")
_QUANTIZED = re.compile(
    r"torch\.ops\.quantized_decomposed\.(de)?quantize_per_(tensor|channel)\.(default|tensor|tensor2)"
)
"""The operators of a program that PT2E has quantized."""
_OUTSIDE = {"from_file", "save", "_print", "warn"}
"""ATen's operators that read or write files, or print."""
_SYMBOLIC_OPERATORS = {
    *(f"_operator.{name}" for name in (
        "add", "and_", "eq", "floordiv", "ge", "getitem", "gt", "le", "lshift", "lt", "mod", "mul", "ne", "neg", "or_",
        "pos", "pow", "rshift", "sub", "truediv",
    )),
    *(f"math.{name}" for name in ("ceil", "floor", "trunc")),
    *(f"torch.{name}" for name in (
        "_sym_sqrt", "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sum",
    )),
    *(f"torch.ops.higher_order.{name}" for name in (
        "associative_scan", "auto_functionalized", "auto_functionalized_v2", "cond", "invoke_subgraph", "map_impl",
        "out_dtype", "scan", "strict_mode", "tag_activation_checkpoint", "while_loop", "wrap", "wrap_with_autocast",
        "wrap_with_set_grad_enabled",
    )),
}  # fmt: skip

_CONTAINERS = {
    "builtins.dict", "builtins.list", "builtins.tuple", "collections.OrderedDict", "collections.defaultdict",
    "collections.deque", "collections.namedtuple", "torch.Size", "torch.fx.immutable_collections.immutable_dict",
    "torch.fx.immutable_collections.immutable_list",
}  # fmt: skip
_FACTORIES = {"bool", "dict", "float", "int", "list", "set", "str", "tuple"}  # of a defaultdict


class RefusedError(Exception):
    """A document holds what could run code; the text completes "the file holds ..."."""


def checked_document(content: bytes) -> Any:
    """Return a JSON document of a .pt2 file, of its descriptions only the modules.

    Raises RefusedError for what could run code, ValueError if it is no JSON.
    """
    return _checked(json.loads(content.decode()), "")


def _checked(value: Any, place: str) -> Any:
    """Return `value`, which stands under the key `place`, with everything in it checked."""
    if place == "guards_code":  # Python code, which checks inputs and is not needed
        return []
    if isinstance(value, dict):
        if place == "metadata" and all(isinstance(inner, str) for inner in value.values()):
            return _module_stack(value)
        if place == "as_expr":
            _require(isinstance(value.get("expr_str"), str), "the shape expression", value.get("expr_str"))
        for key in value:
            _require(_LABEL.fullmatch(key), "the name", key)
        return {key: _checked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_checked(inner, place) for inner in value]
    if isinstance(value, str):
        _check_text(value, place)
    return value


def _module_stack(metadata: dict[str, str]) -> dict[str, str]:
    """Return a node's modules, which PyTorch keeps as text, if they are the names that it writes; nothing else.

    What else there is (`source_fn_stack`, say) it looks up in its own modules, or keeps for its own error messages.
    """
    stack = metadata.get("nn_module_stack", "")
    return {"nn_module_stack": stack} if _MODULE_STACK.fullmatch(stack) else {}


def _check_text(text: str, place: str) -> None:
    if place == "expr_str":
        _require(is_arithmetic(text), "the shape expression", text)
    elif place in ("in_spec", "out_spec"):
        _check_structure(text, place)
    elif place in ("target", "as_operator"):
        _check_operator(text)
    elif place == "path_name":
        _require(_FILE.fullmatch(text), "the file of a custom object", text)
    elif place in _NAMES:
        _require(not text or _NAME.fullmatch(text), "the name", text)
    elif place not in _PLAIN_TEXT:
        _require(_LABEL.fullmatch(text), f"the {place}", text)


def _check_operator(name: str) -> None:
    aten = _OPERATOR.fullmatch(name)
    plain = name in _SYMBOLIC_OPERATORS or _QUANTIZED.fullmatch(name) is not None
    known = plain if aten is None else aten.group(2) not in _OUTSIDE
    _require(known, "the operator", name)


def _check_structure(text: str, place: str) -> None:
    """Check how nested arguments are put together: PyTorch's own containers, with nothing to import."""
    if not text:
        return
    _, tree = json.loads(text)
    _check_container(tree)
    children = tree["children_spec"]
    if place == "in_spec" and len(children) == 2 and children[1]["type"] == "builtins.dict":
        for keyword in json.loads(children[1]["context"]):  # Python code is made of their names
            _require(isinstance(keyword, str) and _NAME.fullmatch(keyword), "the argument", keyword)


def _check_container(tree: Any) -> None:
    kind, context = tree["type"], tree["context"]
    _require(kind is None or kind in _CONTAINERS, "arguments of the type", kind)
    if kind == "collections.defaultdict":
        factory = context["default_factory_module"], context["default_factory_name"]
        _require(factory[0] == "builtins" and factory[1] in _FACTORIES, "a defaultdict of", ".".join(factory))
    elif context is not None and kind != "collections.namedtuple":  # whose context is a name to look up
        keys = json.loads(context)
        plain = all(isinstance(key, str | int | float | None) for key in (keys if isinstance(keys, list) else [keys]))
        _require(plain, "keys that are no plain values", context)
    for child in tree["children_spec"]:
        _check_container(child)


def _require(condition: object, what: str, found: object) -> None:
    if not condition:
        shown = str(found)
        raise RefusedError(f"{what} {shown[:60]!r}{'...' if len(shown) > 60 else ''}")
