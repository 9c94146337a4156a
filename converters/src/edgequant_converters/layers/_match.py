"""Which activation of a quantized graph stands for which one of its reference: by name, else by topology."""

import re
from collections.abc import Iterable, Sequence

from edgequant_converters.graph._float_ops import FUSED_ACTIVATIONS

from ._flow import Flow

ALIAS = re.compile(
    r"(_quantized|_dequantized|_dequant|_requantized|_int8|_uint8|_QuantizeLinear_(Input|Output)|_DequantizeLinear_Output)(_\d+)?$"
)
"""What quantizers (our own, onnxruntime's, TensorFlow's) append to a tensor's name when they make its integer twin."""


def match_groups(reference: Flow, model: Flow, edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return {group of the reference: group of the model}; groups that have no counterpart are missing.

    `edges` are pairs of tensors that are known to belong together: the inputs and the outputs. The rest is matched

    1. by name: the same, or the same but for what quantizers append (ALIAS);
    2. by topology: an operator of the same type that reads the counterparts of the same activations, the first such in
       order of execution; an activation function that was fused into it is looked through.

    Only what has the same shape is matched, and real numbers only with real numbers.
    """
    matching = _Matching(reference, model)
    for ours, theirs in edges:
        if ours in reference.group and theirs in model.group:
            matching.add(reference.group[ours], model.group[theirs])
    matching.by_name()
    matching.by_topology()
    return matching.found


class _Matching:
    def __init__(self, reference: Flow, model: Flow) -> None:
        self._reference, self._model = reference, model
        self.found: dict[int, int] = {}
        self._taken: set[int] = set()

    def add(self, ours: int, theirs: int) -> bool:
        """Match two groups unless one is matched already or they do not fit; return whether it was done."""
        free = ours not in self.found and theirs not in self._taken
        if not free or not self._fit(ours, theirs):
            return False
        self.found[ours] = theirs
        self._taken.add(theirs)
        return True

    def _fit(self, ours: int, theirs: int) -> bool:
        if self._reference.is_real(ours) != self._model.is_real(theirs):
            return False
        a, b = self._reference.graph.tensors[ours].shape, self._model.graph.tensors[theirs].shape
        if a is None or b is None:
            return True
        return len(a) == len(b) and all(n == m or -1 in (n, m) for n, m in zip(a, b, strict=True))

    def by_name(self) -> None:
        exact, stripped = _names(self._model, strip=False), _names(self._model, strip=True)
        for ours in self._reference.members:
            for name in _member_names(self._reference, ours, strip=False):
                for known in (exact, stripped):
                    if len(theirs := known.get(name, ())) == 1:
                        self.add(ours, next(iter(theirs)))

    def by_topology(self) -> None:
        for number in self._reference.live:
            if not self._reference.is_conversion(number):
                self._match_operator(number)

    def _match_operator(self, number: int) -> None:
        reads = self._counterparts(number)
        outputs = self._reference.graph.ops[number].outputs
        if not reads or None in reads or all(self._reference.group.get(t) in self.found for t in outputs):
            return
        for candidate in self._model.live:
            if self._same_operator(number, candidate, reads) and self._match_outputs(number, candidate):
                return

    def _counterparts(self, number: int) -> list[int | None]:
        reference = self._reference
        return [self.found.get(reference.group[tensor]) for tensor in reference.activations(number)]

    def _same_operator(self, number: int, candidate: int, reads: Sequence[int | None]) -> bool:
        model = self._model
        same_type = self._reference.graph.ops[number].type == model.graph.ops[candidate].type
        return same_type and [model.group[tensor] for tensor in model.activations(candidate)] == list(reads)

    def _match_outputs(self, number: int, candidate: int) -> bool:
        reference, model = self._reference, self._model
        pairs = zip(reference.graph.ops[number].outputs, model.graph.ops[candidate].outputs, strict=False)
        roots = [(reference.group[a], model.group[b]) for a, b in pairs if a in reference.group and b in model.group]
        added = [self.add(self._through_activation(ours, theirs), theirs) for ours, theirs in roots]
        return any(added)

    def _through_activation(self, ours: int, theirs: int) -> int:
        """Return the group behind the Relu or Clip that follows in the reference, if the model has none there."""
        readers = self._reference.readers(ours)
        kinds = {self._model.graph.ops[n].type for n in self._model.readers(theirs)}
        if len(readers) == 1 and self._reference.graph.ops[readers[0]].type in FUSED_ACTIVATIONS - kinds:
            return self._reference.group[self._reference.graph.ops[readers[0]].outputs[0]]
        return ours


def _names(flow: Flow, *, strip: bool) -> dict[str, set[int]]:
    """Return the groups that have a tensor of each name."""
    groups: dict[str, set[int]] = {}
    for root in flow.members:
        for name in _member_names(flow, root, strip=strip):
            groups.setdefault(name, set()).add(root)
    return groups


def _member_names(flow: Flow, root: int, *, strip: bool) -> list[str]:
    names = [flow.graph.tensors[tensor].name for tensor in flow.members[root]]
    return [ALIAS.sub("", name) for name in names] if strip else names
