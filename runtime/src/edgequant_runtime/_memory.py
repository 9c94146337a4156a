"""What the native engine needs of a device's memory, found without the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ._model_file import read_model_file

if TYPE_CHECKING:
    from ._model_file import Model
    from ._shapes import InputShapes


class MemoryUse(NamedTuple):
    """Bytes that the native engine allocates for a model: beside them there is the file, which is mapped.

    `packed_weights` are the weights as its kernels want them, `tensors` activations and scratch, `tables` the rest.
    """

    packed_weights: int
    tensors: int
    tables: int


def native_memory(model: Model, input_shapes: InputShapes | None = None) -> MemoryUse:
    """Return what the native engine allocates for a model with one thread; free sizes are 1, or as for Session.

    It is the same on every computer: that of the scalar kernels. Others differ a little in how they pack. Raises
    ModelError if the engine does not run the model.
    """
    from ._engines._native import NativeEngine, NativeModel

    opened = NativeModel(read_model_file(model), kernels="scalar")
    return NativeEngine(opened, threads=1, input_shapes=input_shapes).memory()
