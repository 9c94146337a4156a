"""A torch program that PT2E (torchao) has quantized: it becomes a quantized ONNX file, whose integers are then read."""

import shutil
import tempfile
import weakref
from pathlib import Path

import torch
from torch import nn

from edgequant_converters.calibration import SampleFor

from ._onnx import OnnxSource
from ._torch import TorchSource
from ._torch_program import export_program, write_onnx

_NAMESPACE = "quantized_decomposed"


def know_quantized_operators() -> None:
    """Enter PT2E's operators into PyTorch, as a program that has them asks for."""
    import torch.ao.quantization.fx._decomposed  # noqa: F401


def is_quantized(module: nn.Module) -> bool:
    """Tell whether a traced module changes between float and integers."""
    traced = [inner for inner in module.modules() if isinstance(inner, torch.fx.GraphModule)]
    return any(getattr(node.target, "namespace", "") == _NAMESPACE for inner in traced for node in inner.graph.nodes)


class QuantizedProgram(OnnxSource):
    """A quantized program on its way through an ONNX file of its own, which lives as long as the source."""

    def __init__(self, source: TorchSource, input_layout: str, sample: SampleFor) -> None:
        folder = tempfile.mkdtemp(prefix="edgequant-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder, "program.onnx")
        program = export_program(source.module, source.example_inputs, source.description)
        write_onnx(program, path, source.input_names, source.output_names, source.description)
        super().__init__(path, input_layout, sample, name=source.description)
        self.description = source.description


def as_quantized(source: TorchSource, input_layout: str, sample: SampleFor) -> TorchSource | QuantizedProgram:
    """Return the source of a program for what it is."""
    return QuantizedProgram(source, input_layout, sample) if is_quantized(source.module) else source
