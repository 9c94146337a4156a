"""int4 weights in blocks of 32 for matrix products (MatMulNBits)."""

from collections.abc import Set as AbstractSet

from onnx import ModelProto

from ._gemm import names_of_kept, split_gemms

BLOCK = 32
"""Values along the reduced axis that share one scale."""


def quantize_int4_weights(model: ModelProto, kept: AbstractSet[str]) -> ModelProto:
    """Return the graph with MatMulNBits for every constant matrix; asymmetric 4-bit blocks along the reduced axis."""
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    split_gemms(model.graph, kept)
    quantizer = MatMulNBitsQuantizer(
        model, bits=4, block_size=BLOCK, is_symmetric=False, nodes_to_exclude=names_of_kept(kept)
    )
    quantizer.process()
    quantized: ModelProto = quantizer.model.model
    return quantized
