"""Which options table of the schema belongs to an operator, and which of its fields are enumerations."""

from functools import cache
from typing import Any

_OWN_NAMES = {
    "Pool2DOptions": ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"),
    "L2NormOptions": ("L2_NORMALIZATION",),
    "ReducerOptions": (
        "MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL",
    ),
    "SequenceRNNOptions": ("UNIDIRECTIONAL_SEQUENCE_RNN",),
    "MaximumMinimumOptions": ("MAXIMUM", "MINIMUM"),
    "RandomOptions": ("RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "MULTINOMIAL"),
    "Conv3DOptions": ("CONV_3D_TRANSPOSE",),
}  # fmt: skip
"""The options that are not called as their operator."""

_BY_OPERATOR = {operator: name for name, operators in _OWN_NAMES.items() for operator in operators}

ENUMERATIONS = {
    "padding": "Padding",
    "fusedActivationFunction": "ActivationFunctionType",
    "inDataType": "TensorType",
    "outDataType": "TensorType",
    "outType": "TensorType",
    "outputType": "TensorType",
    "idxOutType": "TensorType",
    "quantizedBiasType": "TensorType",
    "attentionType": "TensorType",
    "weightsFormat": "FullyConnectedOptionsWeightsFormat",
    "kernelType": "LSTMKernelType",
}
"""The fields whose numbers have names; a MIRROR_PAD's mode has too."""


@cache
def options_class(operator: str) -> tuple[str, bool] | None:
    """Return the name of an operator's options, and whether they are of the second union; None: it has none."""
    from ai_edge_litert import schema_py_generated as schema

    wanted = _BY_OPERATOR.get(operator, operator.replace("_", "") + "Options").lower()
    for union, second in ((schema.BuiltinOptions, False), (schema.BuiltinOptions2, True)):
        for name in vars(union):
            if name.lower() == wanted:
                return name, second
    return None


def enumeration(field: str, owner: str) -> str | None:
    """Return the enumeration that a field of the options `owner` has its values from."""
    return "MirrorPadMode" if (field, owner) == ("mode", "MirrorPadOptions") else ENUMERATIONS.get(field)


@cache
def members(name: str) -> dict[str, int]:
    """Return an enumeration of the schema as name -> number."""
    from ai_edge_litert import schema_py_generated as schema

    return {key: value for key, value in vars(getattr(schema, name)).items() if not key.startswith("_")}


@cache
def member_names(name: str) -> dict[int, str]:
    """Return an enumeration of the schema as number -> name."""
    return {value: key for key, value in members(name).items()}


def new_table(name: str) -> Any:
    """Return an empty table of the schema, such as "Conv2DOptions"."""
    from ai_edge_litert import schema_py_generated as schema

    return getattr(schema, f"{name}T")()
