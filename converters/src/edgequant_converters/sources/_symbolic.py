"""The grammar of the shape expressions in a .pt2 file, which PyTorch evaluates when it reads one.

They are text for sympy's parser, and that is Python's `eval`. What PyTorch writes is sympy's own notation
(`Mul(Integer(2), Symbol('s77', positive=True, integer=True))`, in old files `2*s77`): numbers, symbols, arithmetic,
comparisons, and calls of the functions listed here. Nothing else gets through: no attribute, no subscript, no text but
a symbol's name.
"""

import ast
import re

_FUNCTIONS = frozenset({
    # sympy's own
    "Abs", "Add", "And", "Eq", "Equality", "ExprCondPair", "Float", "Ge", "GreaterThan", "Gt", "Half", "Integer", "Le",
    "LessThan", "Lt", "Max", "Min", "Mod", "Mul", "Ne", "Not", "Or", "Piecewise", "Pow", "Rational",
    "StrictGreaterThan", "StrictLessThan", "Tuple", "Unequality", "ceiling", "floor", "sqrt",
    # torch.utils._sympy.functions
    "BitwiseFn_bitwise_and", "BitwiseFn_bitwise_or", "CeilDiv", "CeilToInt", "CleanDiv", "FloatPow", "FloatTrueDiv",
    "FloorDiv", "FloorToInt", "Identity", "IntTrueDiv", "IsNonOverlappingAndDenseIndicator", "LShift",
    "ModularIndexing", "OpaqueUnaryFn_sqrt", "PowByNatural", "PythonMod", "RShift", "RoundDecimal", "RoundToInt",
    "ToFloat", "TruncToFloat", "TruncToInt", "Where",
})  # fmt: skip
_SYMBOL = re.compile(r"[a-z]{1,3}\d{1,9}")
_CONSTANTS = frozenset({"oo", "int_oo", "nan", "true", "false", "True", "False"})
_GROWING = frozenset({"FloatPow", "LShift", "Pow", "PowByNatural"})
"""What makes numbers of any length: a power of powers of integers would never be computed to its end."""

_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.BitAnd, ast.BitOr, ast.Invert, ast.USub,
    ast.UAdd, ast.Not, ast.And, ast.Or, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Load,
)  # fmt: skip
_NODES = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Tuple)
_CHARACTERS = re.compile(r"[\w '+\-*/%<>=!(),.&|~]*", re.ASCII)
_LONGEST = 20_000  # characters
_LARGEST = 2**64  # of an integer; sizes and hints have 63 bits
_LARGEST_EXPONENT = 64


def is_arithmetic(text: object) -> bool:
    """Tell whether `text` is a shape expression of this grammar, which evaluates to a number and does nothing else."""
    if not isinstance(text, str) or len(text) > _LONGEST or not _CHARACTERS.fullmatch(text):
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _is_allowed(tree) and _stays_small(tree, inside_power=False)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # ast's words for too deep a nesting
        return False


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _is_allowed_call(node)
    if isinstance(node, ast.Constant):
        return _is_number(node.value)
    if isinstance(node, ast.Name):
        return node.id in _CONSTANTS or _SYMBOL.fullmatch(node.id) is not None
    return isinstance(node, (*_NODES, *_OPERATORS)) and all(_is_allowed(child) for child in ast.iter_child_nodes(node))


def _is_allowed_call(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Name):
        return False
    settings = all(k.arg and isinstance(k.value, ast.Constant) and _is_number(k.value.value) for k in call.keywords)
    first = call.args[0] if len(call.args) == 1 else None
    if call.func.id == "Symbol":
        name = first.value if isinstance(first, ast.Constant) else None
        return settings and isinstance(name, str) and _SYMBOL.fullmatch(name) is not None
    if call.func.id == "Float" and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return settings and re.fullmatch(r"-?[\d.]{1,40}(e[+-]?\d{1,4})?", first.value) is not None
    return call.func.id in _FUNCTIONS and settings and all(_is_allowed(argument) for argument in call.args)


def _is_number(value: object) -> bool:
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _LARGEST)


def _stays_small(node: ast.AST, *, inside_power: bool) -> bool:
    """Tell whether no power has a large number as its exponent, or another power of numbers inside."""
    exponent = _exponent(node)
    if exponent is not None and (inside_power or any(n > _LARGEST_EXPONENT for n in _integers(exponent))):
        return False
    inside = inside_power or exponent is not None
    return all(_stays_small(child, inside_power=inside) for child in ast.iter_child_nodes(node))


def _exponent(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return node.right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _GROWING and node.args:
        return node.args[-1]
    return None


def _integers(node: ast.AST) -> list[int]:
    values = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return [abs(value) for value in values if isinstance(value, int)]
