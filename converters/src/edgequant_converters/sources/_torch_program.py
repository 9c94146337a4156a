"""From a torch module to a graph of ATen operators, and from that to either hub file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram

from edgequant_converters._errors import ConverterError, SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason
from edgequant_converters.tflite import read_model, rename_io, write_model

from ._channels_last import leave_channels_last
from ._converter_layouts import teach_layouts
from ._exporter_notes import drop_exporter_notes
from ._litert_refusals import litert_refusal, unknown_operator
from ._pool_padding import rewrite_padded_pools

ONNX_OPSET = 20


def export_program(module: nn.Module, inputs: tuple[torch.Tensor, ...], description: str) -> ExportedProgram:
    """Trace `module`, which is in evaluation mode, on example `inputs`.

    Raises UnsupportedError for control flow that depends on data, SourceError if the network fails on the inputs.
    """
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(module, inputs)
    except Exception as error:  # torch.export raises whatever the network's own code or the tracer raises
        raise _export_error(error, description) from error


def write_litert(
    program: ExportedProgram, path: Path, input_names: Sequence[str], output_names: Sequence[str], description: str
) -> None:
    """Write the program as a float32 .tflite whose signature has these names; 64-bit integers become 32-bit ones.

    Raises UnsupportedError.
    """
    module = program.module(check_guards=False)
    _refuse_what_kills_the_converter(module, description)
    rewrite_padded_pools(module)
    leave_channels_last(module)
    arguments, _ = program.example_inputs or ((), {})
    try:
        with quiet():
            import litert_torch

            litert_torch.config.show_progress = False
            teach_layouts()
            converted = litert_torch.convert(module, tuple(arguments)).model_content()
    except Exception as error:  # the converter raises RuntimeError, ValueError, jax's and MLIR's own classes
        raise litert_refusal(error, program, description) from error
    model = read_model(converted)
    rename_io(model, input_names, output_names)
    write_model(model, path)
    try:
        open_model(path)
    except SourceError as error:  # the converter writes operators that LiteRT does not have
        raise litert_refusal(error, program, description) from error


def _refuse_what_kills_the_converter(module: nn.Module, description: str) -> None:
    """Refuse transposed convolutions over three axes.

    The converter ends the process at some (of one channel, or with weights that are computed), and writes those with a
    stride as an operator that LiteRT does not have.
    """
    assert isinstance(module, torch.fx.GraphModule)
    if any(node.target is torch.ops.aten.conv_transpose3d.input for node in module.graph.nodes):
        raise UnsupportedError(
            f"{description} has a transposed convolution over three axes (ConvTranspose3d), which cannot be converted "
            "to LiteRT: replace it, or convert to .onnx."
        )


def write_onnx(
    program: ExportedProgram, path: Path, input_names: Sequence[str], output_names: Sequence[str], description: str
) -> None:
    """Write the program as a float32 .onnx with all weights inside (at most 2 GB, protobuf's limit)."""
    try:
        with quiet():
            exported = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=ONNX_OPSET,
                external_data=False,
                verbose=False,
                input_names=input_names,
                output_names=output_names,
            )
            assert exported is not None
            model = exported.model_proto
        drop_exporter_notes(model)
        save_onnx(model, path)
    except OSError:
        raise
    except Exception as error:  # onnxscript's and torch's own classes, ValueError for more than 2 GB
        raise _onnx_refusal(error, description) from error


def _export_error(error: Exception, description: str) -> ConverterError:
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    if isinstance(error, GuardOnDataDependentSymNode):
        return UnsupportedError(
            f"{description} branches on the values of its input, which no converted model can do: replace the 'if' or "
            "'while' by tensor operations such as torch.where."
        )
    return SourceError(f"{description} cannot be traced by torch.export: {reason(error)}.")


def _onnx_refusal(error: Exception, description: str) -> ConverterError:
    if operator := unknown_operator("\n".join(str(e) for e in (error, error.__cause__) if e is not None)):
        return UnsupportedError(f"{description} uses {operator}, which cannot be converted to ONNX: replace it.")
    return UnsupportedError(f"{description} cannot be converted to ONNX: {reason(error)}.")


def output_names(outputs: Any) -> tuple[str, ...]:
    """Name the tensors of a module's return value.

    One tensor is `output`, several are `output_0`, `output_1`, ...; a dict's are its keys; deeper ones join the parts
    with `_`. None entries have no name, as the exporters drop them.
    """
    from torch.utils._pytree import tree_flatten_with_path

    leaves, _ = tree_flatten_with_path(outputs)
    paths = [[_part(key) for key in path] for path, value in leaves if value is not None]
    prefix = [] if isinstance(outputs, dict) else ["output"]
    if paths and not isinstance(outputs, torch.Tensor) and len(paths) == 1 and prefix:
        return ("output",)
    return tuple("_".join([*prefix, *path]) for path in paths)


def _part(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)
