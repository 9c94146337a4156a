"""Gemm without what quantizers overlook: alpha, beta, transA, and biases of other shapes than one value per column."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, helper, numpy_helper


def plain_gemms(graph: GraphProto) -> None:
    """Rewrite every Gemm of the graph, in place, so that it says x B' + c with a constant c of one value per column.

    onnxruntime's integer kernels ignore beta once they are fused (up to 50 dB), and its quantizer fails on a bias that
    is a scalar or a matrix. alpha and beta go into constants, or become a Mul where there is none; transA becomes a
    Transpose; any other bias becomes an Add, and a product of two computed matrices a MatMul. The node that multiplies
    keeps the Gemm's name.
    """
    rewriter = _Rewriter(graph)
    nodes = [made for node in graph.node for made in (rewriter.rewritten(node) if node.op_type == "Gemm" else [node])]
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph, rewriter.replaced)


class _Rewriter:
    def __init__(self, graph: GraphProto) -> None:
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self.replaced = set[str]()

    def rewritten(self, gemm: NodeProto) -> list[NodeProto]:
        """Return the nodes that stand for this Gemm."""
        attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in gemm.attribute}
        alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        prefix, before, after = gemm.output[0], list[NodeProto](), list[NodeProto]()
        x, b = gemm.input[0], gemm.input[1]
        c = gemm.input[2] if len(gemm.input) > 2 and beta != 0.0 else ""
        if attributes.get("transA", 0):
            x = _append(before, "Transpose", [x], f"{prefix}_rows", perm=[1, 0])
        columns = self._columns(b, attributes)
        b = self._scaled(b, alpha, f"{prefix}_matrix", before)
        c = self._scaled(c, beta, f"{prefix}_scaled", before) if c else ""
        product = gemm.output[0]
        if c and not self._is_bias(c, columns):
            product = f"{prefix}_product"
            after.append(helper.make_node("Add", [product, c], [gemm.output[0]], f"{gemm.name or prefix}_bias"))
            c = ""
        elif c:
            c = self._one_per_column(c, columns or 0, f"{prefix}_row")
        if columns is None:
            b = _append(before, "Transpose", [b], f"{prefix}_columns", perm=[1, 0]) if attributes.get("transB") else b
            return [*before, helper.make_node("MatMul", [x, b], [product], gemm.name), *after]
        plain = helper.make_node("Gemm", [x, b, c] if c else [x, b], [product], gemm.name)
        if attributes.get("transB", 0):
            plain.attribute.append(helper.make_attribute("transB", 1))
        return [*before, plain, *after]

    def _columns(self, matrix: str, attributes: dict[str, Any]) -> int | None:
        """Return how many columns the product has; None if the matrix is computed."""
        tensor = self._constants.get(matrix)
        return None if tensor is None else int(tensor.dims[0 if attributes.get("transB", 0) else 1])

    def _scaled(self, name: str, factor: float, new_name: str, before: list[NodeProto]) -> str:
        if factor == 1.0:
            return name
        constant = self._constants.get(name)
        if constant is not None:
            values = numpy_helper.to_array(constant)
            return self._replace(name, (values * np.float64(factor)).astype(values.dtype), new_name)
        scale = numpy_helper.from_array(np.array(factor, np.float32), f"{new_name}_factor")
        self._graph.initializer.append(scale)
        return _append(before, "Mul", [name, scale.name], new_name)

    def _is_bias(self, name: str, columns: int | None) -> bool:
        dims = self._constants[name].dims if name in self._constants else [0]
        return columns is not None and int(np.prod(dims[:-1])) == 1 and (not dims or dims[-1] in (1, columns))

    def _one_per_column(self, name: str, columns: int, new_name: str) -> str:
        tensor = self._constants[name]
        if list(tensor.dims) == [columns]:
            return name
        return self._replace(name, np.resize(numpy_helper.to_array(tensor), columns), new_name)

    def _replace(self, name: str, values: NDArray[Any], new_name: str) -> str:
        self.replaced.add(name)
        self._constants[new_name] = numpy_helper.from_array(np.ascontiguousarray(values), new_name)
        self._graph.initializer.append(self._constants[new_name])
        return new_name


def _append(nodes: list[NodeProto], op_type: str, inputs: list[str], output: str, **attributes: Any) -> str:
    nodes.append(helper.make_node(op_type, inputs, [output], output, **attributes))
    return output


def _drop_unused(graph: GraphProto, replaced: set[str]) -> None:
    """Remove the constants that were replaced and that nothing reads any more."""
    unused = replaced - {name for node in graph.node for name in node.input} - {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name not in unused]
    del graph.initializer[:]
    graph.initializer.extend(kept)
