"""What a file may hide that this engine would not run, and LiteRT would follow: it is refused before either runs."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from edgequant_runtime import ModelError, check_tflite

from .single_op import Model, Quantized
from .whole_files import ERROR_MODEL, Damage, pack, put, refusal, unpack


def while_model(cond: int = 1, body: int = 2, inner: str = "LESS") -> Any:
    """Graph 0 runs graph 2 while graph 1 says so, and 2 does what `inner` says."""
    model = Model()
    x = model.input((1,), "INT32")
    y = model.tensor((1,), "INT32")
    model.operator("WHILE", [x], [y], "WhileOptions", condSubgraphIndex=cond, bodySubgraphIndex=body)
    for kind, name in (("BOOL", inner), ("INT32", "ABS")):
        graph = model.subgraph()
        a, b = graph.input((1,), "INT32"), graph.tensor((1,), kind)
        graph.operator(name, [a] * (2 if name == "LESS" else 1), [b])
        graph.outputs([b])
    return unpack(model.finish([y]))


def call_itself(model: Any) -> None:
    """The loop's body becomes another such loop, over itself."""
    loop = copy.deepcopy(model.subgraphs[0].operators[0])
    loop.builtinOptions.bodySubgraphIndex = 2
    model.subgraphs[2].operators = [loop]


def no_end(model: Any) -> None:
    loop = model.subgraphs[0].operators[0]
    loop.builtinOptionsType, loop.builtinOptions = 0, None


def inner(graph: int, **fields: Any) -> Damage:
    return lambda model: put(model.subgraphs[graph].operators[0], fields)


def signature(**fields: Any) -> Damage:
    def damage(model: Any) -> None:
        for graph in (0, 1):
            entry = schema.SignatureDefT(signatureKey=f"{graph}", subgraphIndex=graph, inputs=[], outputs=[])
            model.signatureDefs = [*(model.signatureDefs or []), entry]
        put(model.signatureDefs[1], fields)

    return damage


def metadata(model: Any) -> None:
    model.metadata = [schema.MetadataT(name="min_runtime_version", buffer=99)]


def blockwise(scales: int) -> Damage:
    def damage(model: Any) -> None:
        details = schema.BlockwiseQuantizationT()
        details.scales, details.zeroPoints, details.blockSize = scales, -1, 32
        table = schema.QuantizationParametersT(detailsType=schema.QuantizationDetails.BlockwiseQuantization)
        table.details = details
        model.subgraphs[1].tensors[0].quantization = table

    return damage


HOSTILE = {
    "condition-of-no-graph": (
        lambda m: put(m.subgraphs[0].operators[0].builtinOptions, {"condSubgraphIndex": 3}),
        "graph 3 of 3",
    ),
    "body-of-no-graph": (
        lambda m: put(m.subgraphs[0].operators[0].builtinOptions, {"bodySubgraphIndex": -1}),
        "graph -1 of 3",
    ),
    "loop-around-itself": (call_itself, "graph 0 runs itself"),
    "loop-without-options": (no_end, "graph 0 runs itself"),
    "operator-of-another-graph": (inner(2, inputs=[2]), "tensor 2 does not exist"),
    "code-in-another-graph": (inner(1, opcodeIndex=7), "operator 0 has the code 7, and the model has 3"),
    "intermediate": (inner(1, intermediates=[-1, 77]), "tensor 77 does not exist"),
    "options-of-another-operator": (
        lambda m: put(m.subgraphs[0].operators[0], {"builtinOptionsType": schema.BuiltinOptions.IfOptions}),
        "WHILE (operator 0): its options are those of another operator (92, not 93)",
    ),
    "signature-of-no-graph": (signature(subgraphIndex=3), "signature 1 is of graph 3, and there are 3"),
    "signature-of-no-tensor": (
        signature(outputs=[schema.TensorMapT(name="y", tensorIndex=2)]),
        "signature names tensor 2, and there are 2",
    ),
    "metadata-of-no-buffer": (metadata, "metadata is in buffer 99 of 1"),
    "scales-of-no-tensor": (blockwise(2), "its quantization names tensor 2, which does not exist"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile(case: str) -> None:
    damage, sentence = HOSTILE[case]
    model = while_model()
    check_tflite(pack(model))
    damage(model)
    with pytest.raises(ModelError, match=re.escape(sentence)):
        check_tflite(pack(model))
    assert refusal(pack(model)).status == ERROR_MODEL


@pytest.mark.parametrize("operator", ["SPLIT", "UNPACK", "PACK", "SPLIT_V"])
def test_options_that_count_otherwise(operator: str) -> None:
    """XNNPACK believes them."""
    options, field = {
        "SPLIT": ("SplitOptions", "numSplits"),
        "SPLIT_V": ("SplitVOptions", "numSplits"),
        "UNPACK": ("UnpackOptions", "num"),
        "PACK": ("PackOptions", "valuesCount"),
    }[operator]
    for count in (2, 2130706436):
        model = Model()
        x = model.input((2, 4), "INT8", Quantized(0.1))
        y = [model.tensor((1, 4), "INT8", Quantized(0.1)) for _ in range(1 if operator == "PACK" else 2)]
        model.operator(operator, [x, x], y, options, **{field: count})
        data = model.finish(y)
        if count == 2:
            check_tflite(data)
        else:
            with pytest.raises(ModelError, match="options say 2130706436"):
                check_tflite(data)


def test_graphs_that_run_graphs() -> None:
    """A chain of 64 is deep enough for anybody; one of 65 would go on for who knows how long."""
    for length, ends in ((64, True), (65, False)):
        model = Model()
        graphs = [model] + [model.subgraph() for _ in range(length - 1)]
        for index, graph in enumerate(graphs[:-1]):
            graph.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=index + 1)
        data = model.finish([])
        if ends:
            check_tflite(data)
        else:
            with pytest.raises(ModelError, match="more than 64 deep"):
                check_tflite(data)
