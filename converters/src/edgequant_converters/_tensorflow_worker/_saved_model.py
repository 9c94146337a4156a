"""SavedModel folders, those of Keras 2 and TensorFlow 1 included."""

import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import saved_model_pb2

from edgequant_converters._errors import SourceError

from ._graph_operators import refuse_side_effects
from ._messages import first_line
from ._network import Network

_SIGNATURE = "serving_default"


def load_saved_model(folder: Path, description: str) -> Network:
    """Load a SavedModel's serving signature; raises SourceError, and UnsupportedError for side effects."""
    with tempfile.TemporaryDirectory(prefix="edgequant-") as copy:
        _copy_without_slots(folder, Path(copy), description)
        try:
            model = tf.saved_model.load(copy)
        except Exception as error:  # OSError, ValueError, TensorFlow's own ...
            raise SourceError(f"{description} cannot be loaded by TensorFlow: {first_line(error)}") from error
    return _network(model, _choose(model.signatures, description), description)


def _copy_without_slots(folder: Path, copy: Path, description: str) -> None:
    """Copy the graph without the optimizer's slot variables (the weights are linked, not copied).

    Keras 2 stored its optimizer as an object that TensorFlow restores as a plain one, on which it then calls
    `add_slot`, which it does not have. For inference the slots are of no use.
    """
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    except (DecodeError, OSError) as error:
        raise SourceError(f"{description}: saved_model.pb is damaged or cut short; copy the folder again.") from error
    refuse_side_effects(saved, description)
    for graph in saved.meta_graphs:
        for node in graph.object_graph_def.nodes:
            del node.slot_variables[:]
    (copy / "saved_model.pb").write_bytes(saved.SerializeToString())
    for entry in folder.iterdir():
        if entry.name not in ("saved_model.pb", "fingerprint.pb"):
            (copy / entry.name).symlink_to(entry.resolve())


def _choose(signatures: Any, description: str) -> Any:
    if _SIGNATURE in signatures:
        return signatures[_SIGNATURE]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    if not signatures:
        raise SourceError(
            f"{description} has no signature that tells its inputs: save it with model.export(folder), or "
            "tf.saved_model.save(..., signatures=...)."
        )
    raise SourceError(
        f"{description} has the signatures {', '.join(sorted(signatures))} but no {_SIGNATURE}: save it with one."
    )


def _network(model: Any, signature: Any, description: str) -> Network:
    inputs = signature.structured_input_signature[1]
    input_names, output_names = sorted(inputs), sorted(signature.structured_outputs)

    def function(*values: Any) -> list[Any]:
        outputs = signature(**dict(zip(input_names, values, strict=True)))
        return [outputs[name] for name in output_names]

    return Network(
        description=description,
        function=function,
        input_names=input_names,
        input_shapes=[None if inputs[n].shape.rank is None else inputs[n].shape.as_list() for n in input_names],
        input_types=[inputs[name].dtype for name in input_names],
        output_names=output_names,
        keep_alive=model,
    )
