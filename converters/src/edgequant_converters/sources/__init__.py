"""Readers of trained networks, one module a kind.

A reader's heavy library is imported when the reader is asked for, so that importing this package stays cheap. Each
compares the model that it writes with the network: on a `sample` of the user's data where there is one, else on random
inputs.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgequant_converters._extras import require_torch
from edgequant_converters.calibration import SampleFor, no_sample

from ._base import QuantizedSource, Source, TrainedSource
from ._given import Given
from ._recognise import is_prepared, open_source

if TYPE_CHECKING:
    import torch

__all__ = [
    "Given",
    "QuantizedSource",
    "Source",
    "TrainedSource",
    "from_exported_program",
    "from_factory",
    "from_keras",
    "from_onnx",
    "from_saved_model",
    "from_tflite",
    "from_torch",
    "is_prepared",
    "open_source",
]


def from_torch(
    module: "torch.nn.Module",
    example_inputs: "Sequence[torch.Tensor] | torch.Tensor",
    *,
    input_layout: str = "nchw",
    sample: SampleFor = no_sample,
) -> Source:
    """Return a torch module as a source; a snapshot in evaluation mode is taken, the module itself is left as it is.

    `example_inputs` are the arguments of `forward()`, in its own layout and with the batch size that the model is to
    have. With `input_layout="nhwc"` the written model's 4-d inputs are NHWC: permute the data, not the network.

    Raises SourceError for anything but a module that runs on these inputs, UnsupportedError without PyTorch.
    """
    require_torch("to read a torch module")
    from ._quantized_program import as_quantized
    from ._torch import TorchSource

    source = TorchSource(module, example_inputs, input_layout=input_layout, sample=sample)
    return as_quantized(source, input_layout, sample)


def from_exported_program(
    path: str | os.PathLike[str], *, input_layout: str = "nchw", sample: SampleFor = no_sample
) -> Source:
    """Return a .pt2 file, as torch.export.save writes it, as a source; its example inputs fix the shapes.

    What PyTorch would run or import as it reads the file (pickled objects, shape expressions, operators by name) is
    checked first, and refused if it is more than arithmetic on PyTorch's own operators. Raises SourceError for such a
    file, a damaged one, one without example inputs, and one that was exported in training mode; UnsupportedError
    without PyTorch.
    """
    require_torch("to read an exported program")
    from ._exported_program import open_exported_program

    return open_exported_program(Path(path), input_layout, sample)


def from_factory(
    spec: str,
    *,
    weights: str | os.PathLike[str] | None,
    input_shapes: Sequence[str],
    input_layout: str = "nchw",
    sample: SampleFor = no_sample,
) -> Source:
    """Return `package.module:factory`, code that builds a torch module without arguments, as a source.

    The module is looked for in the working directory too. `weights` is a safetensors file or a torch checkpoint that
    holds tensors alone (plain, or under `state_dict`, `model_state_dict` or `model`); without it the factory's own
    weights are taken. `input_shapes` has one text for each argument of forward(): `1,3,224,224`, or with a type that is
    not float32, `1,16:int64`.

    Raises SourceError if the factory, the weights or the shapes do not fit; UnsupportedError without PyTorch.
    """
    require_torch("to build the network")
    from ._factory import open_factory

    return open_factory(spec, None if weights is None else Path(weights), input_shapes, input_layout, sample)


def from_onnx(
    path: str | os.PathLike[str],
    *,
    input_layout: str | None = None,
    sample: SampleFor = no_sample,
    input_shapes: Sequence[str] = (),
    input_values: Sequence[str] = (),
) -> Source:
    """Return an .onnx file as a source; the names and order of its inputs and outputs stay.

    Without `input_layout` or with "nchw" the layout of the graph's inputs stays; "nhwc" is for graphs with 4-d NCHW
    inputs. A LiteRT model gets a batch of 1 where the batch is free, an ONNX model keeps it free;
    other free sizes of a LiteRT model are those of the `sample`. Raises SourceError
    for a damaged or already quantized graph; writing LiteRT raises UnsupportedError for operators that LiteRT cannot
    say. `input_shapes` fixes free sizes, as "image=1,3,320,320", or "1,3,320,320" for the only input, and
    `input_values` makes constants of inputs, as "sr=16000".
    """
    from ._onnx import OnnxSource

    return OnnxSource(Path(path), input_layout or "nchw", sample, input_shapes, input_values=input_values)


def from_keras(model_or_path: Any, *, sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()) -> Source:
    """Return a Keras model as a source: a `keras.Model`, or a `.keras` or `.h5` file of Keras 1, 2 or 3.

    The batch is fixed at 1 and the layout (NHWC) stays; `input_shapes` are as for `from_onnx`. No code in the file is
    run: Lambda layers are refused.
    Raises SourceError for a file that is none or a model that cannot be saved.
    """
    from ._keras import keras_source

    return keras_source(model_or_path, sample, input_shapes)


def from_saved_model(
    folder: str | os.PathLike[str], *, sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()
) -> Source:
    """Return a SavedModel folder as a source: its serving_default signature, or its only one, with a batch of 1.

    `input_shapes` are as for `from_onnx`. Raises SourceError if the folder is none.
    """
    from ._saved_model import saved_model_source

    return saved_model_source(folder, sample, input_shapes)


def from_tflite(
    path: str | os.PathLike[str], *, sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()
) -> Source:
    """Return a .tflite file as a source; files of old converters are brought up to date, a free batch becomes 1.

    A quantized file is widened to float32; `input_shapes` are as for `from_onnx`. Raises SourceError if it is damaged
    or no engine runs it.
    """
    from ._tflite import TfliteSource

    return TfliteSource(path, sample, input_shapes)
