"""From an ONNX graph to a .tflite: the graph as a torch module, and on as any other torch module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from edgequant_converters._plain_gemms import plain_gemms
from edgequant_converters._quiet import quiet
from edgequant_converters.onnx_module import OnnxModule

from ._channels_last import ChannelsLastInput
from ._torch_program import export_program, write_litert


def write_onnx_as_litert(
    model: onnx.ModelProto,
    example_inputs: Mapping[str, NDArray[Any]],
    permuted: Sequence[bool],
    path: Path,
    description: str,
) -> None:
    """Write the graph with the shapes of `example_inputs` (in the graph's layout); permuted inputs become NHWC."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    plain_gemms(plain.graph)
    tensors = {name: torch.from_numpy(value) for name, value in example_inputs.items()}
    with quiet():
        module: nn.Module = OnnxModule(plain, tensors).eval()
    inputs = tuple(
        value.permute(0, 2, 3, 1).contiguous() if permute else value
        for value, permute in zip(tensors.values(), permuted, strict=True)
    )
    if any(permuted):
        module = ChannelsLastInput(module, permuted)
    program = export_program(module, inputs, description)
    output_names = [output.name for output in plain.graph.output]
    write_litert(program, path, list(example_inputs), output_names, description)
