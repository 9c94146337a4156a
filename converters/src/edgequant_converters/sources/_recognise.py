"""Tell what kind of trained network a source is."""

import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters.calibration import SampleFor, no_sample

from ._base import Source
from ._given import Given
from ._pickled_module import find_pickled_module

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
KINDS = "a .pt2, .keras, .h5, .onnx or .tflite file, a SavedModel folder, or package.module:factory"


def open_source(given: Given, sample: SampleFor = no_sample) -> Source:
    """Return the reader for a trained network, which may ask for one `sample` of the user's data.

    Raises SourceError if it is none that edgequant reads, UnsupportedError for an argument that its kind cannot use.
    """
    from edgequant_converters import sources as readers

    source, layout = given.source, given.input_layout or "nchw"
    if given.input_values and not (isinstance(source, (str, Path)) and Path(source).suffix.lower() == ".onnx"):
        raise UnsupportedError(
            "input_values make constants of an .onnx file's inputs; leave them out for other sources."
        )
    if is_prepared(source):
        _refuse(given, "a module of qat.prepare", "weights", "input_shapes")
        _refuse(given, "a module of qat.prepare, which has its own", "example_inputs")
        from edgequant_converters.qat._source import PreparedSource

        return PreparedSource(source, input_layout=layout)
    if is_torch_module(source):
        _refuse(given, "a torch.nn.Module", "weights", "input_shapes")
        if given.example_inputs is None:
            raise SourceError("A torch.nn.Module needs example_inputs: a tuple of tensors that its forward() takes.")
        return readers.from_torch(source, given.example_inputs, input_layout=layout, sample=sample)
    if given.example_inputs is not None:
        raise UnsupportedError("example_inputs go with a torch.nn.Module; leave them out for other sources.")
    if isinstance(source, str) and FACTORY.fullmatch(source) and not Path(source).exists():
        return readers.from_factory(
            source, weights=given.weights, input_shapes=given.input_shapes, input_layout=layout, sample=sample
        )
    _refuse(given, "a source that holds its own weights", "weights")
    return _open_file_or_object(given, sample)


def _open_file_or_object(given: Given, sample: SampleFor) -> Source:
    from edgequant_converters import sources as readers

    source, layout, shapes = given.source, given.input_layout, given.input_shapes
    if is_keras_model(source):
        _refuse(given, "a Keras model, whose own layout is kept", "input_layout")
        return readers.from_keras(source, sample=sample, input_shapes=shapes)
    if not isinstance(source, (str, Path)):
        raise SourceError(f"A {type(source).__name__} is not a network that edgequant reads: give {KINDS}.")
    path = Path(source)
    if not path.exists():
        raise SourceError(f"{path} does not exist: give {KINDS}.")
    suffix = path.suffix.lower()
    if suffix == ".pt2":
        _refuse(given, "an exported program, whose example inputs fix its shapes", "input_shapes")
        return readers.from_exported_program(path, input_layout=layout or "nchw", sample=sample)
    if suffix == ".onnx":
        return readers.from_onnx(
            path, input_layout=layout, sample=sample, input_shapes=shapes, input_values=given.input_values
        )
    _refuse(given, "a source whose own layout is kept", "input_layout")
    if path.is_dir():
        return readers.from_saved_model(path, sample=sample, input_shapes=shapes)
    if suffix in (".keras", ".h5", ".hdf5"):
        return readers.from_keras(path, sample=sample, input_shapes=shapes)
    if suffix == ".tflite":
        return readers.from_tflite(path, sample=sample, input_shapes=shapes)
    if suffix in (".pt", ".pth", ".ckpt") and _is_torchscript(path):
        raise SourceError(
            f"{path.name} is a TorchScript program (torch.jit.save), which edgequant does not read: export the module "
            "it was made of with torch.export.save(torch.export.export(model, inputs), 'net.pt2') and convert that."
        )
    if suffix in (".pt", ".pth", ".ckpt") and (module := find_pickled_module(path)):
        place = "" if module.key is None else f" under {module.key!r}"
        loaded = f"torch.load({path.name!r}, weights_only=False)" + ("" if module.key is None else f"[{module.key!r}]")
        raise SourceError(
            f"{path.name} holds a pickled {module.class_name}{place}, which could run any code and is not loaded: if "
            f"you trust the file, take model = {loaded}.float().eval() where that class is installed, write "
            "torch.export.save(torch.export.export(model, inputs), 'net.pt2'), and convert that."
        )
    if suffix in (".pt", ".pth", ".safetensors", ".ckpt"):
        raise SourceError(
            f"{path.name} holds weights without their network: name the code that builds it, as "
            f"package.module:factory --weights {path.name} --input-shape 1,3,224,224."
        )
    raise SourceError(f"{path.name} is not a kind of network that edgequant reads: give {KINDS}.")


def _is_torchscript(path: Path) -> bool:
    """Tell whether a torch archive holds code beside its tensors; nothing in it is loaded."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def is_torch_module(source: Any) -> bool:
    """Tell whether it is a torch.nn.Module, without importing torch for what cannot be one."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def is_prepared(source: Any) -> bool:
    """Tell whether it is a module that `qat.prepare` made, without importing torch for what cannot be one."""
    prepared = sys.modules.get("edgequant_converters.qat._prepared")
    return prepared is not None and isinstance(source, prepared.PreparedModule)


def is_keras_model(source: Any) -> bool:
    """Tell whether it is a Keras model, without importing Keras for what cannot be one."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(source, keras.Model)


def _refuse(given: Given, kind: str, *names: str) -> None:
    for name in names:
        if getattr(given, name):
            raise UnsupportedError(f"{name} cannot be used with {kind}; leave it out.")
