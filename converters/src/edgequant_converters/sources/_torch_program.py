"""From a torch module to a graph of ATen operators, and from that to either hub file."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn
from torch.export import ExportedProgram

from edgequant_converters._errors import ConverterError, SourceError, UnsupportedError
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters._quiet import quiet
from edgequant_converters._reason import reason
from edgequant_converters.ir import write_ir
from edgequant_converters.onnx_import import import_onnx
from edgequant_converters.passes import simplify

from ._exporter_notes import drop_exporter_notes
from ._onnx_file import graph_inputs, shape_of

ONNX_OPSET = 20

_OPERATOR = re.compile(r"target=torch\.ops\.([\w.]+)")
_OVERLOAD = re.compile(r"\.(default|Tensor|Scalar|int|dim\w*)$")


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
    """Write the program as a float32 .tflite whose signature has these names. Raises UnsupportedError."""
    model = _onnx_model(program, input_names, output_names, description)
    shapes = {value.name: [size or 1 for size in shape_of(value)] for value in graph_inputs(model)}
    network = import_onnx(model, shapes)
    simplify(network)
    path.write_bytes(write_ir(network))


def write_onnx(
    program: ExportedProgram, path: Path, input_names: Sequence[str], output_names: Sequence[str], description: str
) -> None:
    """Write the program as a float32 .onnx with all weights inside (at most 2 GB, protobuf's limit)."""
    save_onnx(_onnx_model(program, input_names, output_names, description), path)


def _onnx_model(
    program: ExportedProgram, input_names: Sequence[str], output_names: Sequence[str], description: str
) -> onnx.ModelProto:
    from ._torch_translations import TRANSLATIONS  # onnxscript, which is slow to import

    _refuse_projections(program, description)
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
                custom_translation_table=dict(TRANSLATIONS),
            )
            assert exported is not None
            model: onnx.ModelProto = exported.model_proto
    except OSError:
        raise
    except Exception as error:  # onnxscript's and torch's own classes, ValueError for more than 2 GB
        raise _onnx_refusal(error, description) from error
    drop_exporter_notes(model)
    return model


def _refuse_projections(program: ExportedProgram, description: str) -> None:
    """Refuse an LSTM whose state is smaller than its cell, of which PyTorch's export forgets the projection."""
    for node in program.graph.nodes:
        if node.target is torch.ops.aten.lstm.input:
            state, cell = (part.meta["val"].shape[-1] for part in node.args[1])
            if state != cell:
                raise UnsupportedError(
                    f"{description} has an LSTM with proj_size={state}, which PyTorch exports to ONNX without its "
                    "projection: convert the module that the program was exported of."
                )


def _export_error(error: Exception, description: str) -> ConverterError:
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    if isinstance(error, GuardOnDataDependentSymNode):
        return UnsupportedError(
            f"{description} branches on the values of its input, which no converted model can do: replace the 'if' or "
            "'while' by tensor operations such as torch.where."
        )
    return SourceError(f"{description} cannot be traced by torch.export: {reason(error)}.")


def _onnx_refusal(error: Exception, description: str) -> ConverterError:
    found = _OPERATOR.search("\n".join(str(e) for e in (error, error.__cause__) if e is not None))
    if found is None:
        return UnsupportedError(f"{description} cannot be exported by PyTorch: {reason(error)}.")
    operator = _OVERLOAD.sub("", found.group(1))
    return UnsupportedError(
        f"{description} uses {operator}, which PyTorch cannot export to ONNX, through which it is read: replace it."
    )


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
