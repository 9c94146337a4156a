"""Keras files: `.keras`, and `.h5` as Keras 1 to 3 wrote them."""

import inspect
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf

from edgequant_converters._errors import SourceError

from ._messages import first_line
from ._network import Network

_EXPORT_ADVICE = (
    "in the program that defines it, write model.export('folder') and convert that folder, or build the network from "
    "Keras' own layers"
)
_OLD_ARGUMENTS = {"groups": 1, "time_major": False}
"""Arguments of Keras 2 that Keras 3 refuses, with the values that change nothing."""

_OLD_LAYERS = [
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose", "SimpleRNN", "LSTM", "GRU", "RNN",
]  # fmt: skip


def load_keras(path: Path, description: str) -> Network:
    """Load a Keras model for inference; no code in the file is run. Raises SourceError."""
    config = _read_config(path, description)
    if any(entry.get("class_name") == "Lambda" for entry in _dictionaries(config)):
        raise SourceError(
            f"{description} has a Lambda layer, Python code that edgequant does not run from a file: {_EXPORT_ADVICE}."
        )
    try:
        model = keras.models.load_model(path, custom_objects=_tolerant_layers(), compile=False, safe_mode=True)
    except Exception as error:  # ValueError, TypeError, OSError, KeyError ...
        raise _explained(error, description) from error
    return _network(model, description)


def _read_config(path: Path, description: str) -> Any:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        with h5py.File(path) as file:
            config = file.attrs.get("model_config")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{description} is damaged or no Keras model: {first_line(error)}") from error
    if config is None:
        raise SourceError(f"{description} holds weights without their network: save the whole with model.save().")
    return json.loads(config)


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _dictionaries(child)


def _tolerant_layers() -> dict[str, Any]:
    return {name: _tolerant(getattr(keras.layers, name)) for name in _OLD_LAYERS}


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
        return SourceError(f"{description} uses '{name}', which is not part of Keras: {_EXPORT_ADVICE}.")
    return SourceError(f"{description} cannot be read by Keras {keras.__version__}: {first_line(error)}")


def _network(model: Any, description: str) -> Network:
    if not getattr(model, "inputs", None):
        raise SourceError(f"{description} has no fixed inputs (a subclassed or unbuilt model): {_EXPORT_ADVICE}.")
    _unroll(model)

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
    )


def _unroll(model: Any) -> None:
    """Unroll recurrent layers: a loop (WHILE) cannot be quantized to int8, and neither can the engines fuse it."""
    for layer in model._flatten_layers():
        if hasattr(layer, "unroll"):
            layer.unroll = True


def _packed(model: Any, values: tuple[Any, ...]) -> Any:
    structure = getattr(model, "_inputs_struct", None)  # a Sequential has none: it takes its one input as it is
    return values[0] if structure is None else tf.nest.pack_sequence_as(structure, list(values))


def _output_names(model: Any) -> list[str]:
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict) and len(structure) == len(model.outputs):
        return sorted(structure)  # the order of tf.nest.flatten
    return [tensor._keras_history.operation.name for tensor in model.outputs]
