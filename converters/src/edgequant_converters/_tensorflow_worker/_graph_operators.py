"""The operators of a SavedModel, looked at before any of them runs: a graph can read, write and send files.

TensorFlow calls an operator stateful if it does more than compute. That is the basis here: of those, only what networks
are made of may be in a model. The flag is missing on some that reach out of the process, which are refused by name.
"""

import re
from collections.abc import Iterable
from typing import Any

from tensorflow.python.framework import op_def_registry

from edgequant_converters._errors import UnsupportedError

_OF_NETWORKS = re.compile(
    r"Assert|Assign(Add|Sub)?VariableOp|Case|CheckNumerics(V2)?|CudnnRNN\w*|DeepCopy|DestroyResourceOp|DeviceIndex|"
    r"DisableCopyOnRead|Empty|GuaranteeConst|If|While|RiscWhile|StatefulPartitionedCall|IsResourceHandleRefCounting|"
    # variables
    r"ReadVariableOp|TemporaryVariable|VarHandleOp|VarIsInitializedOp|VariableShape|Variable(V2)?|"
    r"Resource(Apply|Gather|Scatter|SparseApply|StridedSliceAssign|CountUpTo)\w*|"
    # random numbers
    r"Multinomial|NonDeterministicInts|ParameterizedTruncatedNormal|TruncatedNormal|Random(Crop|Gamma|Poisson|PoissonV2|"
    r"Shuffle|StandardNormal|Uniform|UniformInt)|Rng\w*|SampleDistortedBoundingBox(V2)?|StatelessRandomGetAlg|"
    r"Stateful(RandomBinomial|StandardNormal|StandardNormalV2|TruncatedNormal|Uniform|UniformFullInt|UniformInt)|"
    # tables and lists that live in memory
    r"(Anonymous)?(Mutable(Dense)?)?HashTable(V2|OfTensors|OfTensorsV2)?|InitializeTableV2|"
    r"LookupTable(Export|Find|Import|Insert|Remove|Size)V2|Stack\w*|TensorArray\w*|"
    r"Print(V2)?|XlaCallModule"
)
_REACHES_OUT = re.compile(r"\w*(Dataset|File|PyFunc)\w*|Debug\w+|(Decode|Encode)Proto(V2)?|GenerateVocabRemapping")
_SAVER = frozenset({"MergeV2Checkpoints", "Restore", "RestoreSlice", "RestoreV2", "Save", "SaveSlices", "SaveV2"})
_SAVER_FUNCTION = re.compile(r"__inference__traced_(save|restore)_\d+")


def refuse_side_effects(saved: Any, description: str) -> None:
    """Raise UnsupportedError if a graph of the SavedModel protobuf has an operator that reaches out of the process.

    TensorFlow's own savers may be there, where nothing but reading the weights runs them.
    """
    found: set[str] = set()
    for graph in saved.meta_graphs:
        functions = graph.graph_def.library.function
        exposed = set(graph.object_graph_def.concrete_functions)
        for function in functions:
            called = _functions_called(function.node_def)
            name = function.signature.name
            saver = _SAVER_FUNCTION.fullmatch(name) is not None and name not in exposed
            found |= {
                node.op for node in function.node_def if not _is_harmless(node) and not (saver and node.op in _SAVER)
            }
            found |= {name for name in called if _SAVER_FUNCTION.fullmatch(name)}
        if not graph.object_graph_def.nodes:  # of TensorFlow 1, which runs the graph around the functions
            found |= _of_session_graph(graph)
    if found:
        raise UnsupportedError(
            f"{description} has operators that reach out of the network, to files, other programs or the terminal "
            f"({', '.join(sorted(found))}), and is not run: export it again without them, its inputs being tensors."
        )


def _of_session_graph(graph: Any) -> set[str]:
    """Return what is refused in what is run of a TensorFlow 1 graph: the signatures, the start, the restoring."""
    outputs = [tensor.name for s in graph.signature_def.values() for tensor in s.outputs.values()]
    starts = [name for c in graph.collection_def.values() for name in c.node_list.value]
    run = _ancestors(graph.graph_def.node, [*outputs, *starts])
    restoring = _ancestors(graph.graph_def.node, [graph.saver_def.restore_op_name])
    found = {node.op for node in run if not _is_harmless(node)}
    return found | {
        n.op for n in restoring if not _is_harmless(n) and n.op not in ("RestoreV2", "Restore", "RestoreSlice")
    }


def _ancestors(nodes: Iterable[Any], names: Iterable[str]) -> list[Any]:
    by_name = {node.name: node for node in nodes}
    waiting, seen = [_node_of(name) for name in names], set()
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            waiting += [_node_of(source) for source in by_name[name].input]
    return [by_name[name] for name in sorted(seen)]


def _node_of(tensor: str) -> str:
    return tensor.lstrip("^").partition(":")[0]


def _is_harmless(node: Any) -> bool:
    if node.op == "PrintV2":  # which can print into a file
        return node.attr["output_stream"].s in (b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)")
    if _REACHES_OUT.fullmatch(node.op) and node.op != "ShardedFilename":  # that one only joins texts
        return False
    definition = op_def_registry.get(node.op)  # None: another function of the model, or what TensorFlow will not know
    return definition is None or not definition.is_stateful or _OF_NETWORKS.fullmatch(node.op) is not None


def _functions_called(nodes: Iterable[Any]) -> set[str]:
    attributes = [attribute for node in nodes for attribute in node.attr.values()]
    listed = [function.name for attribute in attributes for function in attribute.list.func]
    return {node.op for node in nodes} | {attribute.func.name for attribute in attributes} | set(listed)
