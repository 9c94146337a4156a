"""Keras files: `.keras`, and `.h5` as Keras 1 to 3 wrote them."""

import inspect
import re
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edgequant_converters._errors import SourceError

from ._keras_file import EXPORT_ADVICE
from ._messages import first_line
from ._nested import counted_from_zero
from ._network import Network
from ._recurrent import recurrent_layers_written

_OLD_ARGUMENTS = {"groups": 1, "time_major": False}
"""Arguments of Keras 2 that Keras 3 refuses, with the values that change nothing."""

_OLD_LAYERS = [
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose", "SimpleRNN", "LSTM", "GRU", "RNN",
]  # fmt: skip


def load_keras(path: Path, description: str) -> Network:
    """Load a Keras model for inference, from a file that `check_keras_file` has passed. Raises SourceError."""
    keras.utils.clear_session()  # what other networks left
    try:
        model = keras.models.load_model(path, custom_objects=_tolerant_layers(), compile=False, safe_mode=True)
    except Exception as error:  # ValueError, TypeError, OSError, KeyError ...
        raise _explained(error, description) from error
    return _network(model, description)


def _tolerant_layers() -> dict[str, Any]:
    return {
        **{name: _tolerant(getattr(keras.layers, name)) for name in _OLD_LAYERS},
        "Functional": type("Functional", (keras.Model,), {"from_config": classmethod(_functional)}),
    }


def _functional(_: type, config: dict[str, Any], custom_objects: Any = None) -> Any:
    return keras.Model.from_config(counted_from_zero(config), custom_objects)


def _tolerant(layer: Any) -> Any:
    """Return a stand-in for a layer class, under its name, that makes the real layer from an old configuration."""
    known = inspect.signature(layer.__init__).parameters

    def from_config(_: type, config: dict[str, Any]) -> Any:
        kept = {k: v for k, v in config.items() if k in known or _OLD_ARGUMENTS.get(k, _UNKNOWN) != v}
        return layer.from_config(kept)

    return type(layer.__name__, (layer,), {"from_config": classmethod(from_config)})


_UNKNOWN = object()


def _explained(error: Exception, description: str) -> SourceError:
    missing = re.search(r"(?:Could not locate (?:class|function)|Unknown [\w ]+:) '?([\w>.]+)'?", str(error))
    if missing:
        name = missing.group(1).rsplit(">", 1)[-1]
        return SourceError(f"{description} uses '{name}', which is not part of Keras: {EXPORT_ADVICE}.")
    return SourceError(f"{description} cannot be read by Keras {keras.__version__}: {first_line(error)}")


def _network(model: Any, description: str) -> Network:
    if not getattr(model, "inputs", None):
        raise SourceError(f"{description} has no fixed inputs (a subclassed or unbuilt model): {EXPORT_ADVICE}.")
    _prepare(model)

    def function(*values: Any) -> list[Any]:
        return list(tf.nest.flatten(model(_packed(model, values), training=False)))

    return Network(
        description=description,
        function=function,
        input_names=[tensor.name for tensor in model.inputs],
        input_shapes=[tuple(tensor.shape) for tensor in model.inputs],
        input_types=[tf.as_dtype(tensor.dtype) for tensor in model.inputs],
        output_names=_output_names(model),
        keep_alive=model,
        written=partial(recurrent_layers_written, model),
    )


def _prepare(model: Any) -> None:
    """Let layers trained in half precision compute in float32, which changes nothing but rounding."""
    for layer in model._flatten_layers():
        if layer.compute_dtype in ("float16", "bfloat16"):
            layer.dtype_policy = keras.DTypePolicy("float32")


def _packed(model: Any, values: tuple[Any, ...]) -> Any:
    structure = getattr(model, "_inputs_struct", None)  # a Sequential has none: it takes its one input as it is
    return values[0] if structure is None else tf.nest.pack_sequence_as(structure, list(values))


def _output_names(model: Any) -> list[str]:
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict) and len(structure) == len(model.outputs):
        return sorted(structure)  # the order of tf.nest.flatten
    return [tensor._keras_history.operation.name for tensor in model.outputs]
