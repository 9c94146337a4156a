"""Dynamic-range ONNX: int8 weights, and activations quantized on the fly where onnxruntime is good at it."""

import tempfile
from collections.abc import Set as AbstractSet
from pathlib import Path

import onnx
from onnx import ModelProto

from edgequant_converters._request import QuantizationRequest

from ._gemm import names_of_kept, restore_names, split_gemms
from ._weights import has_channel_kernels

DYNAMIC_OPS = ["MatMul", "LSTM"]
"""What gets integer kernels (Gemm becomes MatMul and Add). Not Conv: onnxruntime's ConvInteger is slow, and missing
for int8 weights. Not GRU: onnxruntime has no quantized one. Their weights are stored in int8 all the same."""


def quantize_dynamic(model: ModelProto, request: QuantizationRequest, kept: AbstractSet[str]) -> ModelProto:
    """Return the graph with MatMulInteger and DynamicQuantizeLSTM in place of MatMul, Gemm and LSTM."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization import quantize_dynamic as dynamic

    split_gemms(model.graph, kept)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "quantized.onnx")
        dynamic(
            model,
            output,
            op_types_to_quantize=DYNAMIC_OPS,
            per_channel=request.per_channel,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=names_of_kept(kept | without_kernel(model)),
            # What operators of other domains give has no known type: integers do not come to matrix products here.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        quantized = onnx.load(output)
    restore_names(quantized.graph, kept)
    return quantized


def without_kernel(model: ModelProto) -> set[str]:
    """Return the names of products with a constant that MatMulInteger does not take with a scale per channel."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        node.name
        for node in model.graph.node
        for index, name in enumerate(node.input)
        if node.op_type == "MatMul" and name in constants and not has_channel_kernels(node, index, constants[name].dims)
    }
