"""Give int16x8 models the biases that their 64-bit tensors have room for."""

import numpy as np

from edgequant_converters.tflite import ModelT


def restore_wide_biases(quantized: ModelT, original: ModelT) -> None:
    """Recompute every int64 bias from the float original, in place: round(bias / scale), ties to even.

    ai-edge-quantizer stores the biases of int16x8 layers in 64 bits but saturates them at 32. Their scale is that of
    the input times that of the weights, so a bias of 20 over weights of 1e-5 needs 37 bits; cut short, it cost one
    autoencoder 20 dB.
    """
    from ai_edge_litert.schema_py_generated import TensorType

    floats = {tensor.name: tensor for tensor in original.subgraphs[0].tensors if tensor.type == TensorType.FLOAT32}
    for tensor in quantized.subgraphs[0].tensors:
        source = floats.get(tensor.name)
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        if tensor.type != TensorType.INT64 or source is None or not scaled:
            continue
        data = original.buffers[source.buffer].data
        if data is not None:
            bias = np.frombuffer(bytes(data), np.float32).astype(np.float64)
            wide = np.rint(bias / np.asarray(tensor.quantization.scale, np.float64)).astype(np.int64)
            quantized.buffers[tensor.buffer].data = wide.tobytes()
