"""The options that say what a network is read from and how it is quantized, the same for all commands that convert."""

from pathlib import Path
from typing import Annotated

import typer

SourceArgument = Annotated[
    str, typer.Argument(help=".pt2, .keras, .h5, .onnx, .tflite, a SavedModel folder, or package.module:factory")
]
PerTensorOption = Annotated[
    bool, typer.Option("--per-tensor", help="One weight scale per tensor instead of one per output channel.")
]
WeightsOption = Annotated[
    Path | None, typer.Option(help="A factory's weights: .safetensors, or a checkpoint of plain tensors.")
]
InputShapeOption = Annotated[
    list[str] | None,
    typer.Option(help="A factory's input, as 1,3,224,224 or 1,16:int64; a free one of a file, as image=1,3,320,320."),
]
InputValueOption = Annotated[
    list[str] | None,
    typer.Option(help="An input that is always the same, which the written model does not take: sr=16000 (ONNX)."),
]
InputLayoutOption = Annotated[
    str | None, typer.Option(help="nhwc: the written model takes channels-last images (torch and ONNX sources).")
]
