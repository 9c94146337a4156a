"""Torch modules become both hubs: the same outputs, the same names, and no transpose that can be avoided."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import SourceError, UnsupportedError, sqnr_db
from edgequant_converters._evaluate import open_model
from edgequant_converters.graph import read_graph
from edgequant_converters.sources import from_exported_program, from_torch

pytestmark = pytest.mark.torch_export

torch = pytest.importorskip("torch")
F = torch.nn.functional

NAMES = ("mlp", "lenet", "mobilenetv2", "transformer", "lstm", "gru")
INPUT_NAMES = {"transformer": "sequence", "lstm": "rows", "gru": "rows"}  # the others: image


def operators(path: Path) -> Counter[str]:
    return Counter(op.type for op in read_graph(path).ops)


def outputs_of(module: Any, *inputs: Any) -> list[np.ndarray]:
    with torch.no_grad():
        return [value.numpy() for value in torch.utils._pytree.tree_leaves(module(*inputs))]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in NAMES])
def test_six_nets_become_both_hubs(name: str, nets: Any, hubs: Callable[[str, str], Path]) -> None:
    module, (example,) = nets[name]
    x = torch.randn(example.shape, generator=torch.Generator().manual_seed(99))
    (expected,) = outputs_of(module, x)
    for suffix in (".tflite", ".onnx"):
        model = open_model(hubs(name, suffix))
        assert [spec.name for spec in model.inputs] == [INPUT_NAMES.get(name, "image")]
        assert [spec.name for spec in model.outputs] == ["output"]
        assert model.inputs[0].shape == tuple(x.shape)
        (computed,) = model.run({model.inputs[0].name: x.numpy()})
        assert sqnr_db(expected, computed) >= 100


@pytest.mark.parametrize(
    ("name", "largest"),
    [("mlp", 985_000), ("lenet", 260_000), ("mobilenetv2", 4_100_000), ("transformer", 480_000), ("lstm", 320_000)],
)
def test_sizes_are_those_of_the_weights(name: str, largest: int, nets: Any, hubs: Callable[[str, str], Path]) -> None:
    weights = 4 * sum(parameter.numel() for parameter in nets[name][0].parameters())
    assert 0.95 * weights < hubs(name, ".tflite").stat().st_size <= largest


def test_conversion_is_deterministic(nets: Any, hubs: Callable[[str, str], Path], tmp_path: Path) -> None:
    source = from_torch(*nets["lenet"])
    source.write_litert(tmp_path / "again.tflite")
    source.write_onnx(tmp_path / "again.onnx")
    for suffix in (".tflite", ".onnx"):
        assert (tmp_path / f"again{suffix}").read_bytes() == hubs("lenet", suffix).read_bytes()


@pytest.mark.parametrize(("name", "transposes"), [("lenet", 0), ("mobilenetv2", 1)])
def test_nchw_needs_at_most_the_transpose_of_the_input(
    name: str, transposes: int, hubs: Callable[[str, str], Path]
) -> None:
    assert operators(hubs(name, ".tflite"))["TRANSPOSE"] == transposes


@pytest.mark.parametrize("name", ["lenet", "mobilenetv2"])
def test_nhwc_needs_no_transpose(name: str, nets: Any, tmp_path: Path) -> None:
    module, (example,) = nets[name]
    source = from_torch(module, example, input_layout="nhwc")
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    assert operators(tmp_path / "model.tflite")["TRANSPOSE"] == 0
    x = torch.randn(example.shape, generator=torch.Generator().manual_seed(3))
    nhwc = x.permute(0, 2, 3, 1).contiguous().numpy()
    for suffix in (".tflite", ".onnx"):
        model = open_model(tmp_path / f"model{suffix}")
        assert model.inputs[0].shape == nhwc.shape
        assert model.inputs[0].name == "image"
        (computed,) = model.run({"image": nhwc})
        assert sqnr_db(outputs_of(module, x)[0], computed) >= 100


class Tail(torch.nn.Module):
    """A convolution, a residual and a concatenation, then what the test is about."""

    def __init__(self, tail: Callable[[Any, Any], Any], features: int) -> None:
        super().__init__()
        self.stem, self.side = torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.Conv2d(6, 2, 1)
        self.linear, self.other = torch.nn.Linear(features, 5), torch.nn.Linear(features, 2)
        self.tail = tail

    def forward(self, image: Any) -> Any:
        maps = F.relu(self.stem(image))
        maps = maps * 0.5 + F.hardswish(maps)
        return self.tail(self, torch.cat([maps, self.side(maps)], 1))


TAILS: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "view": (lambda net, x: net.linear(x.view(x.size(0), -1)), 8 * 36),
    "elementwise between": (lambda net, x: net.linear(F.dropout(torch.sigmoid(x.flatten(1)), 0.5, False)), 8 * 36),
    "two heads": (lambda net, x: (lambda y: (net.linear(y), net.other(y)))(x.flatten(1)), 8 * 36),
    "mean": (lambda net, x: net.linear(x.mean([2, 3])), 8),
    "mean of negative axes": (lambda net, x: net.linear(x.mean((-1, -2))), 8),
    "maximum": (lambda net, x: net.linear(x.amax((2, 3))), 8),
    "adaptive average": (lambda net, x: net.linear(F.adaptive_avg_pool2d(x, 1).flatten(1)), 8),
    "average pool": (lambda net, x: net.linear(F.avg_pool2d(x, 6).squeeze(-1).squeeze(-1)), 8),
    "squeeze and excite": (
        lambda net, x: net.linear((x * torch.sigmoid(x.mean([2, 3], keepdim=True))).mean([2, 3])), 8,
    ),
}  # fmt: skip


class Branches(torch.nn.Module):
    """Several nets with one input: a conversion costs seconds, so that the tests share it."""

    def __init__(self, nets: list[Any]) -> None:
        super().__init__()
        self.nets = torch.nn.ModuleList(nets)

    def forward(self, image: Any) -> Any:
        return [net(image) for net in self.nets]


def converted_branches(nets: list[Any], x: Any, path: Path) -> Counter[str]:
    """Convert, compare every output, and return the operators."""
    module = Branches(nets).eval()
    from_torch(module, x, input_layout="nhwc").write_litert(path)
    computed = open_model(path).run({"image": x.permute(0, 2, 3, 1).contiguous().numpy()})
    for ours, theirs in zip(computed, outputs_of(module, x), strict=True):
        assert sqnr_db(theirs, ours) >= 100
    return operators(path)


def test_feature_maps_leave_without_a_transpose(tmp_path: Path) -> None:
    torch.manual_seed(1)
    nets = [Tail(*tail) for tail in TAILS.values()]
    assert converted_branches(nets, torch.randn(2, 3, 6, 6), tmp_path / "model.tflite")["TRANSPOSE"] == 0


BETWEEN: dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]] = {
    "elu": (F.elu, ()),
    "selu": (F.selu, ()),
    "repeated channels": (lambda x: x[:, :4].repeat(1, 2, 1, 1), ()),
    "repeated maps": (lambda x: x.repeat(1, 1, 2, 3), ()),
    "padded channels": (lambda x: F.pad(x[:, :4], (0, 0, 0, 0, 1, 3)), ("PAD",)),
    "padded maps": (lambda x: F.pad(x, (1, 2, 0, 3), value=2.5), ("PADV2",)),
    "mirrored maps": (lambda x: F.pad(x, (1, 2, 2, 1), mode="reflect"), ("MIRROR_PAD",)),
    "resized maps": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), ("RESIZE_BILINEAR",)),
    "max pooling of positive maps": (lambda x: F.max_pool2d(x, 3, 2, 1), ("PAD", "MAX_POOL_2D")),
    "max pooling": (lambda x: F.max_pool2d(x - 1, 3, 2, 1), ("MIRROR_PAD", "MAX_POOL_2D")),
    "wide max pooling": (lambda x: F.max_pool2d(x - 1, 5, 3, 2), ("MIRROR_PAD", "MAX_POOL_2D")),
    "even max pooling": (lambda x: F.max_pool2d(x - 1, 2, 2, 1), ("MIRROR_PAD", "MAX_POOL_2D")),
    "max pooling of odd maps": (lambda x: F.max_pool2d(x[:, :, :-1, :-1] - 1, 3, 2, 1), ("MAX_POOL_2D",)),
    "max pooling without strides": (lambda x: F.max_pool2d(x - 1, 3, 1, 1), ("MAX_POOL_2D",)),
    "average pooling": (lambda x: F.avg_pool2d(x, 3, 2, 1), ("PAD", "AVERAGE_POOL_2D")),
    "average pooling without padding": (
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), ("PAD", "AVERAGE_POOL_2D"),
    ),
    "oblong average pooling": (
        lambda x: F.avg_pool2d(x, (3, 5), 2, (1, 2), count_include_pad=False), ("PAD", "AVERAGE_POOL_2D"),
    ),
}  # fmt: skip


class Between(torch.nn.Module):
    def __init__(self, between: Callable[[Any], Any]) -> None:
        super().__init__()
        self.first, self.second, self.between = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 4, 1), between

    def forward(self, image: Any) -> Any:
        return self.second(self.between(F.relu(self.first(image)))).mean((2, 3))


def test_what_lies_between_convolutions_needs_no_transpose(tmp_path: Path) -> None:
    """Nor a padding of minus infinity, which no integer model can hold, nor an operator that engines do not know."""
    torch.manual_seed(1)
    nets = [Between(function) for function, _ in BETWEEN.values()]
    found = converted_branches(nets, torch.randn(1, 3, 8, 8), tmp_path / "model.tflite")
    assert not {"TRANSPOSE", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_COMPOSITE"} & found.keys()
    expected = Counter(operator for _, operators in BETWEEN.values() for operator in operators)
    for operator in ("MIRROR_PAD", "PADV2", "PAD", "RESIZE_BILINEAR", "MAX_POOL_2D", "AVERAGE_POOL_2D"):
        assert found[operator] == expected[operator], operator


def test_a_flattened_image_keeps_its_order(tmp_path: Path) -> None:
    """No convolution: permuting here would add a transpose, and a flatten that is used elsewhere must stay as it is."""
    torch.manual_seed(2)

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear, self.image = (
                torch.nn.Conv2d(3, 3, 1),
                torch.nn.Linear(48, 4),
                torch.nn.Linear(48, 4),
            )

        def forward(self, image: Any) -> Any:
            flat = self.conv(image).flatten(1)
            return self.linear(flat), flat, self.image(image.flatten(1))

    module, x = Flat().eval(), torch.randn(1, 3, 4, 4)
    from_torch(module, x).write_litert(tmp_path / "model.tflite")
    computed = open_model(tmp_path / "model.tflite").run({"image": x.numpy()})
    for ours, theirs in zip(computed, outputs_of(module, x), strict=True):
        assert sqnr_db(theirs, ours) >= 100


class ManyInputs(torch.nn.Module):
    def forward(self, zebra: Any, apple: Any, *rest: Any) -> Any:
        total = zebra - 2 * apple
        for index, value in enumerate(rest):
            total = total + (index + 2) * value
        return {"total": total, "last": [rest[-1] * 2, apple + 1]}


def test_names_and_order_are_the_same_in_both_formats(tmp_path: Path) -> None:
    inputs = tuple(torch.randn(1, 3, generator=torch.Generator().manual_seed(i)) for i in range(12))
    source = from_torch(ManyInputs(), inputs)
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    for suffix in (".tflite", ".onnx"):
        model = open_model(tmp_path / f"model{suffix}")
        assert [spec.name for spec in model.inputs] == ["zebra", "apple", *(f"input_{i}" for i in range(2, 12))]
        assert [spec.name for spec in model.outputs] == ["total", "last_0", "last_1"]


class Tokens(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(11, 4)

    def forward(self, tokens: Any, unused: Any, mask: Any) -> tuple[Any, Any]:
        vectors = self.table(tokens) * mask.unsqueeze(-1)
        return vectors.sum(1), vectors.argmax(-1)


def test_integer_masks_and_unused_inputs(tmp_path: Path) -> None:
    inputs = (torch.tensor([[0, 10, 3]]), torch.randn(2), torch.tensor([[True, True, False]]))
    source = from_torch(Tokens(), inputs)
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    for suffix in (".tflite", ".onnx"):
        model = open_model(tmp_path / f"model{suffix}")
        assert [(s.name, s.dtype.name) for s in model.inputs] == [
            ("tokens", "int64"), ("unused", "float32"), ("mask", "bool"),
        ]  # fmt: skip
        assert [s.name for s in model.outputs] == ["output_0", "output_1"]


def test_the_module_is_left_as_it_was(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5))
    module.train()
    module[1].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    source = from_torch(module, (torch.randn(2, 4),))
    with torch.no_grad():
        module[0].weight.zero_()  # the snapshot does not follow
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    assert [layer.training for layer in module] == [True, False, True]
    assert all(parameter.requires_grad for parameter in module.parameters())
    before["0.weight"].zero_()
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    (y,) = open_model(tmp_path / "model.onnx").run({"input": np.ones((2, 4), np.float32)})
    assert y.std() > 0.01


def test_nothing_is_printed(nets: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = from_torch(*nets["mlp"])
    source.write_onnx(tmp_path / "model.onnx")
    source.write_litert(tmp_path / "model.tflite")
    captured = capfd.readouterr()
    noise = [line for line in captured.err.splitlines() if "XNNPACK" not in line]  # the evaluator's, once a process
    assert (captured.out, noise) == ("", [])


def module_of(function: Callable[..., Any]) -> Any:
    class Wrapped(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return function(x)

    return Wrapped()


def branch(x: Any) -> Any:
    return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (branch, "branches on the values of its input"),
        (
            lambda x: torch.linalg.svdvals(x),
            r"uses aten\._linalg_svd, which PyTorch cannot export .*: replace it",
        ),
        (lambda x: torch.special.bessel_j0(x), r"uses prims\.bessel_j0, which PyTorch cannot export to ONNX"),
        (lambda x: x.nonzero(), r"NonZero.*size of its output depends on data"),
    ],
)
def test_what_cannot_be_converted_is_named(function: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=message) as caught:
        from_torch(module_of(function), torch.randn(3, 3)).write_litert(tmp_path / "model.tflite")
    assert "\n" not in str(caught.value)


def test_what_onnx_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        UnsupportedError,
        match=r"bessel_j0, which PyTorch cannot export to ONNX, through which it is read: replace it\.$",
    ):
        from_torch(module_of(torch.special.bessel_j0), torch.randn(3)).write_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        (torch.nn.Linear(4, 2), (torch.randn(1, 5),), r"fails on example inputs of shape \(1, 5\): mat1 and mat2"),
        (torch.nn.Linear(4, 2), (), "needs example inputs"),
        (torch.nn.Linear(4, 2), (np.ones((1, 4)),), "needs example inputs"),
        (torch.relu, (torch.randn(1, 5),), r"is not a torch\.nn\.Module"),
    ],
)
def test_wrong_arguments(module: Any, inputs: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        from_torch(module, inputs)
    assert "\n" not in str(caught.value)


def test_unknown_layout() -> None:
    with pytest.raises(UnsupportedError, match="'nwhc' is not an input layout"):
        from_torch(torch.nn.Linear(4, 2), torch.randn(1, 4), input_layout="nwhc")


def test_outputs_that_are_not_finite(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="NaN or infinite on the example inputs"):
        from_torch(module_of(torch.sqrt), torch.full((3,), -1.0)).write_onnx(tmp_path / "model.onnx")


def test_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgequant_converters._extras.find_spec", lambda name: None)
    with pytest.raises(UnsupportedError, match=r"PyTorch is needed .*: in a checkout .*'\.\[torch\]'$"):
        from_torch(torch.nn.Linear(4, 2), torch.randn(1, 4))


@pytest.mark.xdist_group("lenet")
@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_a_model_does_not_carry_its_authors_folders(hubs, suffix):
    data = hubs("lenet", suffix).read_bytes()
    assert str(Path(__file__).resolve().parent).encode() not in data
    assert b"site-packages" not in data


ONCE_REFUSED: dict[str, Callable[[Any], Any]] = {
    "a transposed convolution with padding": lambda x: F.conv_transpose2d(x, torch.ones(3, 2, 3, 3), None, 2, 1),
    "one over volumes": lambda x: F.conv_transpose3d(x[:, :1, None], torch.ones(1, 1, 3, 3, 3), stride=2),
    "sorting": lambda x: x.flatten(1).argsort(1),
    "the largest": lambda x: x.flatten(1).topk(5).values,
    "a spectrum": lambda x: torch.view_as_real(torch.fft.rfft(x)),
}


@pytest.mark.parametrize("function", ONCE_REFUSED.values(), ids=ONCE_REFUSED.keys())
def test_what_other_converters_refuse_or_die_of(function: Callable[[Any], Any], tmp_path: Path) -> None:
    torch.manual_seed(0)
    from_torch(module_of(function), torch.randn(1, 3, 4, 6)).write_litert(tmp_path / "model.tflite")


TRANSLATED: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "means of uneven windows": (torch.nn.AdaptiveAvgPool2d((3, 5)), (1, 4, 10, 13), 12),
    "means of even and uneven windows of volumes": (torch.nn.AdaptiveAvgPool3d((2, 3, 2)), (1, 3, 4, 7, 4), 14),
    "means of even windows of volumes": (torch.nn.AdaptiveAvgPool3d(2), (1, 3, 4, 6, 4), 8),
    "largest of uneven windows": (torch.nn.AdaptiveMaxPool2d((3, 5)), (1, 4, 10, 13), 8),
    "where the largest lies": (torch.nn.AdaptiveMaxPool2d((3, 5), return_indices=True), (2, 4, 10, 13), 16),
    "where the largest of even windows lies": (torch.nn.AdaptiveMaxPool2d(2, return_indices=True), (2, 3, 6, 4), 24),
    "where the largest of a volume lies": (
        torch.nn.AdaptiveMaxPool3d((2, 3, 2), return_indices=True),
        (1, 2, 5, 7, 4),
        16,
    ),
    "slopes that are random in training": (torch.nn.RReLU(), (1, 8), 1),
}


@pytest.mark.parametrize("name", TRANSLATED)
def test_what_torch_cannot_export_has_its_own_translation(name: str, tmp_path: Path) -> None:
    module, shape, most = TRANSLATED[name]
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    path = tmp_path / "net.tflite"
    from_torch(module.eval(), (torch.randn(shape),)).write_litert(path)
    for expected, computed in zip(outputs_of(module, x), open_model(path).run({"input": x.numpy()}), strict=True):
        np.testing.assert_allclose(computed, expected, atol=1e-6)
    assert sum(operators(path).values()) <= most


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.filterwarnings("ignore:The tensor attributes self._flat_weights")
def test_a_projection_that_the_export_forgets_is_refused(tmp_path: Path) -> None:
    module = torch.nn.LSTM(6, 8, proj_size=4).eval()
    torch.export.save(torch.export.export(module, (torch.randn(10, 1, 6),)), tmp_path / "net.pt2")
    source = from_exported_program(tmp_path / "net.pt2")
    with pytest.raises(UnsupportedError, match=r"an LSTM with proj_size=4, which PyTorch .* without its projection"):
        source.write_litert(Path("net.tflite"))
