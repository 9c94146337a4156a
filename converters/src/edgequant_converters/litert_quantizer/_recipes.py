"""What ai-edge-quantizer is told for each scheme: recipes are data."""

from collections.abc import Sequence
from typing import Any

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._request import QuantizationRequest
from edgequant_converters._schemes import Scheme

Recipe = list[dict[str, Any]]
"""Rules in ai-edge-quantizer's own JSON form; where several match an operator, the last one wins."""

EVERY_NAME = ".*"
EVERY_OP = "*"

INT4_OPS = ("FULLY_CONNECTED", "CONV_2D")
"""The operators whose integer kernels take 4-bit weights."""

IO_TYPES = ("int8", "uint8", "int16", "float")
"""What `io` can ask for."""


def recipe_for(request: QuantizationRequest, io: str, keep_float: list[str]) -> Recipe:
    """Return the rules for a scheme.

    `io` is the type of the model's inputs and outputs (see `io_type`); `keep_float` are output tensor names of
    operators to leave alone.
    """
    granularity = "CHANNELWISE" if request.per_channel else "TENSORWISE"
    match request.scheme:
        case Scheme.FP16:
            rules = [_rule(EVERY_OP, _weights(16, "TENSORWISE", "FLOAT"), algorithm="float_casting")]
        case Scheme.DYNAMIC:
            rules = [_rule(EVERY_OP, _weights(8, granularity), integer=True)]
        case Scheme.WEIGHT_INT8:
            rules = [_rule(EVERY_OP, _weights(8, granularity))]
        case Scheme.WEIGHT_INT4:
            rules = [_rule(EVERY_OP, _weights(8, granularity)), *_int4_rules(granularity)]
        case _:
            bits = 16 if request.scheme is Scheme.INT16X8 else 8
            rules = [_rule(EVERY_OP, _weights(8, granularity), _activations(bits), integer=True), *_io_rules(io)]
    return rules + [_leave_float(name) for name in keep_float]


def mixed_rules(io: str, per_channel: bool, wide: Sequence[str], kept: Sequence[str]) -> Recipe:
    """Return the rules for int8 where some operators have int16 activations (`wide`) or stay float (`kept`).

    Both are expressions for output tensor names. Inputs and outputs have the type `io` whatever their neighbours have.
    """
    granularity = "CHANNELWISE" if per_channel else "TENSORWISE"
    base = recipe_for(QuantizationRequest(Scheme.INT8, per_channel=per_channel), io, [])
    int16 = [_rule(EVERY_OP, _weights(8, granularity), _activations(16), integer=True, regex=name) for name in wide]
    int8_edges = [_rule(op, _weights(8, granularity), _activations(8), integer=True) for op in ("INPUT", "OUTPUT")]
    # Rules are kept by expression, in the order in which each came first: another spelling makes these the last.
    edges = [{**rule, "regex": "(.*)"} for rule in _io_rules(io) or int8_edges]
    return [*base, *int16, *(_leave_float(name) for name in kept), *edges]


def learned_rules(recipe: Recipe, int4_layers: list[str], no_range: list[str]) -> Recipe:
    """Return `recipe` with 4-bit weights for some operators, and float for those that training gave no range.

    Both are lists of expressions for output tensor names.
    """
    narrow = [
        _rule(op, _weights(4, "CHANNELWISE"), _activations(8), integer=True, regex=name)
        for name in int4_layers
        for op in INT4_OPS
    ]
    kept = [rule for rule in recipe if rule["algorithm_key"] == "no_quantize" and rule["regex"] != EVERY_NAME]
    return recipe + narrow + kept + [_leave_float(name) for name in no_range]


def io_type(scheme: Scheme, requested: str | None) -> str:
    """Return the type of a model's inputs and outputs; raises UnsupportedError for one that the scheme cannot have."""
    possible = {Scheme.INT8: ("int8", "uint8", "float"), Scheme.INT16X8: ("int16", "float")}.get(scheme, ("float",))
    if requested is None:
        return possible[0]
    if requested not in possible:
        raise UnsupportedError(
            f"{scheme} models cannot have {requested} inputs and outputs; choose one of {', '.join(possible)}."
        )
    return requested


def _int4_rules(granularity: str) -> Recipe:
    return [_rule(op, _weights(4, granularity)) for op in ("FULLY_CONNECTED", "CONV_2D", "EMBEDDING_LOOKUP")]


def _io_rules(io: str) -> Recipe:
    if io == "float":
        return [{"regex": EVERY_NAME, "operation": op, "algorithm_key": "no_quantize"} for op in ("INPUT", "OUTPUT")]
    if io == "uint8":
        unsigned = {**_activations(8), "dtype": "UINT"}
        return [_rule(op, _weights(8, "CHANNELWISE"), unsigned, integer=True) for op in ("INPUT", "OUTPUT")]
    return []


def _leave_float(name: str) -> dict[str, Any]:
    return {"regex": name, "operation": EVERY_OP, "algorithm_key": "no_quantize"}


def _weights(bits: int, granularity: str, dtype: str = "INT") -> dict[str, Any]:
    return {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _activations(bits: int) -> dict[str, Any]:
    # LiteRT's kernels want int16 activations without a zero point, int8 ones with.
    return {"num_bits": bits, "symmetric": bits == 16, "granularity": "TENSORWISE", "dtype": "INT"}


def _rule(
    operation: str,
    weights: dict[str, Any],
    activations: dict[str, Any] | None = None,
    *,
    integer: bool = False,
    algorithm: str = "min_max_uniform_quantize",
    regex: str = EVERY_NAME,
) -> dict[str, Any]:
    config = {
        "weight_tensor_config": weights,
        "compute_precision": "INTEGER" if integer else "FLOAT",
        "explicit_dequantize": not integer,
    }
    if activations is not None:
        config["activation_tensor_config"] = activations
    return {"regex": regex, "operation": operation, "algorithm_key": algorithm, "op_config": config}
