"""Cases of operators that move values, look them up, sort or scatter them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .case import SHAPE, Case, Maker, One


def moved(shape: Sequence[int], constants: Sequence[Any] = (), options: str | None = None, **fields: Any) -> Maker:
    """The input, constants of int32, and an output of the same quantization."""
    return lambda m: m.case([m.x(same=True), *(m.c(values) for values in constants)], m.y(shape), options, **fields)


def blocks(shape: Sequence[int], result: Sequence[int], options: str) -> Maker:
    return lambda m: m.case([m.x(shape, same=True)], m.y(result), options, blockSize=2)


def concatenation(m: One) -> Case:
    return m.case([m.x(same=True), m.x((2, 4, 5, 3), same=True)], m.y((2, 4, 5, 9)), "ConcatenationOptions", axis=3)


def concatenation_scaled(m: One) -> Case:
    return m.case([m.x(), m.x((2, 4, 5, 3), same=True)], m.y((2, 4, 5, 9)), "ConcatenationOptions", axis=3)


def pack(m: One) -> Case:
    return m.case([m.x(same=True), m.x(same=True)], m.y((2, *SHAPE)), "PackOptions", valuesCount=2, axis=0)


def split(m: One) -> Case:
    return m.case([m.c(3), m.x(same=True)], [m.y((2, 4, 5, 3)) for _ in range(2)], "SplitOptions", numSplits=2)


def split_v(m: One) -> Case:
    outputs = [m.y((2, 4, 5, 4)), m.y((2, 4, 5, 2))]
    return m.case([m.x(same=True), m.c([4, 2]), m.c(3)], outputs, "SplitVOptions", numSplits=2)


def unpack(m: One) -> Case:
    return m.case([m.x(same=True)], [m.y(SHAPE[1:]) for _ in range(2)], "UnpackOptions", num=2, axis=0)


def pad_v2(m: One) -> Case:
    paddings = m.c([[0, 0], [1, 2], [0, 1], [2, 0]])
    return m.case([m.x(same=True), paddings, m.c(1, m.kind)], m.y((2, 7, 6, 8)), "PadV2Options")


def gather_nd(m: One) -> Case:
    return m.case([m.x(same=True), m.c([[1, 3], [0, 2], [1, 0]])], m.y((3, 5, 6)), "GatherNdOptions")


def embedding_lookup(m: One) -> Case:
    return m.case([m.given([2, 0, 3]), m.w((5, 6))], m.y((3, 6)))


def top_k(m: One) -> Case:
    return m.case([m.x(same=True), m.c(3)], [m.y((2, 4, 5, 3)), m.y((2, 4, 5, 3), "INT32")], "TopKV2Options")


def unique(m: One) -> Case:
    return m.case([m.x((9,), low=0, high=4)], [m.y((5,)), m.y((9,), "INT32")], "UniqueOptions", idxOutType=2)


def scatter_nd(m: One) -> Case:
    return m.case([m.c([[4], [3], [1]]), m.x((3, 6), same=True), m.c([8, 6])], m.y((8, 6)), "ScatterNdOptions")


def sparse_to_dense(m: One) -> Case:
    inputs = [m.c([[0, 1], [2, 3]]), m.c([3, 4]), m.x((2,), same=True), m.c(0, m.kind)]
    return m.case(inputs, m.y((3, 4)), "SparseToDenseOptions")


def dynamic_update_slice(m: One) -> Case:
    return m.case(
        [m.x(same=True), m.x((1, 2, 3, 6), same=True), m.given([0, 1, 1, 0])], m.y(), "DynamicUpdateSliceOptions"
    )


def reverse_sequence(m: One) -> Case:
    return m.case([m.x(same=True), m.given([3, 1])], m.y(), "ReverseSequenceOptions", seqDim=1, batchDim=0)


def matrix_set_diag(m: One) -> Case:
    return m.case([m.x(same=True), m.x((2, 4, 5), same=True)], m.y(), "MatrixSetDiagOptions")


def segment_sum(m: One) -> Case:
    return m.case([m.x((4, 6)), m.c([0, 0, 1, 2])], m.y((3, 6)), "SegmentSumOptions")


def unsorted_segment(options: str) -> Maker:
    return lambda m: m.case([m.x((4, 6), low=1, high=4), m.c([0, 2, 1, 0]), m.c(3)], m.y((3, 6)), options)


def dilate(m: One) -> Case:
    return m.case([m.x((3, 4), same=True), m.c([2, 3]), m.c(0, m.kind)], m.y((5, 10)))


CASES: dict[str, Maker] = {
    "RESHAPE": moved((2, 20, 6), [[2, 20, 6]], "ReshapeOptions"),
    "SQUEEZE": lambda m: m.case([m.x((1, 4, 1, 6), same=True)], m.y((4, 6)), "SqueezeOptions"),
    "EXPAND_DIMS": moved((2, 4, 5, 1, 6), [3], "ExpandDimsOptions"),
    "TRANSPOSE": moved((2, 6, 4, 5), [[0, 3, 1, 2]], "TransposeOptions"),
    "PAD": moved((2, 7, 6, 8), [[[0, 0], [1, 2], [0, 1], [2, 0]]], "PadOptions"),
    "PADV2": pad_v2,
    "MIRROR_PAD": moved((2, 6, 6, 6), [[[0, 0], [1, 1], [0, 1], [0, 0]]], "MirrorPadOptions"),
    "SLICE": moved((2, 3, 5, 4), [[0, 1, 0, 2], [2, 3, 5, 4]], "SliceOptions"),
    "STRIDED_SLICE": moved((2, 2, 5, 3), [[0, 0, 0, 1], [2, 4, 5, 6], [1, 2, 1, 2]], "StridedSliceOptions"),
    "GATHER": moved((2, 3, 5, 6), [[3, 0, 1]], "GatherOptions", axis=1),
    "GATHER_ND": gather_nd,
    "TILE": moved((2, 8, 5, 18), [[1, 2, 1, 3]], "TileOptions"),
    "BROADCAST_TO": lambda m: m.case([m.x((4, 1, 6), same=True), m.c(SHAPE)], m.y(), "BroadcastToOptions"),
    "REVERSE_V2": moved(SHAPE, [[3]], "ReverseV2Options"),
    "REVERSE_SEQUENCE": reverse_sequence,
    "CONCATENATION": concatenation,
    "CONCATENATION of other scales": concatenation_scaled,
    "PACK": pack,
    "UNPACK": unpack,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SPACE_TO_DEPTH": blocks((2, 4, 6, 3), (2, 2, 3, 12), "SpaceToDepthOptions"),
    "DEPTH_TO_SPACE": blocks((2, 2, 3, 12), (2, 4, 6, 3), "DepthToSpaceOptions"),
    "SPACE_TO_BATCH_ND": lambda m: m.case(
        [m.x((2, 4, 6, 3), same=True), m.c([2, 2]), m.c([[0, 0], [0, 2]])], m.y((8, 2, 4, 3)), "SpaceToBatchNDOptions"),
    "BATCH_TO_SPACE_ND": lambda m: m.case(
        [m.x((8, 2, 4, 3), same=True), m.c([2, 2]), m.c([[0, 0], [0, 2]])], m.y((2, 4, 6, 3)), "BatchToSpaceNDOptions"),
    "EMBEDDING_LOOKUP": embedding_lookup,
    "TOPK_V2": top_k,
    "UNIQUE": unique,
    "SCATTER_ND": scatter_nd,
    "SPARSE_TO_DENSE": sparse_to_dense,
    "DYNAMIC_UPDATE_SLICE": dynamic_update_slice,
    "MATRIX_DIAG": lambda m: m.case([m.x((2, 4), same=True)], m.y((2, 4, 4)), "MatrixDiagOptions"),
    "MATRIX_SET_DIAG": matrix_set_diag,
    "SEGMENT_SUM": segment_sum,
    "UNSORTED_SEGMENT_SUM": unsorted_segment("UnsortedSegmentSumOptions"),
    "UNSORTED_SEGMENT_PROD": unsorted_segment("UnsortedSegmentProdOptions"),
    "UNSORTED_SEGMENT_MAX": unsorted_segment("UnsortedSegmentMaxOptions"),
    "UNSORTED_SEGMENT_MIN": unsorted_segment("UnsortedSegmentMinOptions"),
    "CUMSUM": moved(SHAPE, [2], "CumsumOptions"),
    "DILATE": dilate,
}  # fmt: skip
