"""Pruning and distillation: what is removed, what stays bound together, what is learned, and what is refused."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch_pruning")
nn, functional = torch.nn, torch.nn.functional

from edgequant_converters import ConverterError, distill, prune  # noqa: E402
from edgequant_converters.smaller._network import count_macs, count_parameters  # noqa: E402

IMAGES = (torch.zeros(2, 3, 8, 8),)


class Block(nn.Module):
    """A depthwise block with a sum around it, and a linear layer behind a flattened image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.expand = nn.Conv2d(16, 32, 1)
        self.depthwise = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.project = nn.Conv2d(32, 16, 1)
        self.head = nn.Linear(16 * 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = x + self.project(functional.relu(self.depthwise(functional.relu(self.expand(x)))))
        return self.head(functional.adaptive_avg_pool2d(y, 2).flatten(1))


@pytest.fixture
def block() -> Any:
    torch.manual_seed(0)
    return Block().eval()


def loss_of(images: torch.Tensor, targets: torch.Tensor) -> Any:
    return lambda network: functional.mse_loss(network(images), targets)


@pytest.fixture
def loss(block: Any) -> Any:
    images = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return loss_of(images, block(images) + 0.1)


def test_macs_go_down_to_the_share_and_bound_layers_agree(block: Any, loss: Any) -> None:
    before = {name: value.clone() for name, value in block.state_dict().items()}
    pruned = prune(block, IMAGES, loss, macs=0.5)
    network = pruned.module
    assert pruned.macs_before == count_macs(block, IMAGES)
    assert pruned.macs_after == count_macs(network, IMAGES) <= 0.5 * pruned.macs_before
    assert pruned.parameters_after == count_parameters(network) < pruned.parameters_before
    channels = {layer.layer: (layer.before, layer.after) for layer in pruned.layers}
    assert channels["stem.0"] == channels["project"]
    assert channels["expand"] == channels["depthwise"] != (32, 32)
    assert channels["head"] == (5, 5)
    assert all(after % 8 == 0 for name, (_, after) in channels.items() if name != "head")
    assert network(torch.randn(3, 3, 8, 8)).shape == (3, 5)
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in block.state_dict().items())
    assert prune(block, IMAGES, loss, macs=0.5).to_dict() == pruned.to_dict()


def test_what_costs_nothing_goes_first(block: Any, loss: Any) -> None:
    """Half of the widest layer's channels lead nowhere: they go, and the loss stays."""
    with torch.no_grad():
        block.project.weight[:, ::2] = 0
    pruned = prune(block, IMAGES, loss, macs=0.75)
    kept = dict(block.depthwise.named_parameters())["weight"][1::2]
    left = pruned.module.depthwise.weight
    assert left.shape[0] < 32
    assert all(any(torch.equal(one, other) for other in left) for one in kept)
    with torch.no_grad():
        assert torch.allclose(loss(pruned.module), loss(block), atol=1e-5)


def test_what_is_kept_stays(block: Any, loss: Any) -> None:
    pruned = prune(block, IMAGES, loss, macs=0.8, multiple=1, keep=["depthwise"])
    channels = {layer.layer: (layer.before, layer.after) for layer in pruned.layers}
    assert channels["depthwise"] == channels["expand"] == (32, 32)
    assert channels["stem.0"] == channels["project"] != (16, 16)


class Fixed(nn.Module):
    """Its code knows how many channels the first layer has, and its third is grouped."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(4, 16, 1)
        self.grouped, self.last = nn.Conv2d(16, 16, 3, padding=1, groups=4), nn.Conv2d(16, 6, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).reshape(x.shape[0], 4, 16, 16)
        return self.last(self.grouped(self.second(x)))


def test_what_the_code_counts_on_is_left_alone() -> None:
    torch.manual_seed(0)
    network, images = Fixed().eval(), torch.randn(4, 3, 8, 8)
    with pytest.raises(ConverterError, match=r"bring this network down to 100\.0% of its MACs, not to 90\.0%"):
        prune(network, (images,), loss_of(images, torch.zeros(4, 6, 16, 16)), macs=0.9)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"macs": 1.0}, "above 0 and below 1"),
        ({"multiple": 0}, "multiples of 0"),
        ({"keep": ["nothing"]}, "is called 'nothing'"),
        ({"macs": 0.01}, "not to 1.0%"),
    ],
)
def test_refusals_of_prune(options: dict[str, Any], sentence: str, block: Any, loss: Any) -> None:
    with pytest.raises(ConverterError, match=sentence):
        prune(block, IMAGES, loss, **options)


def test_a_loss_must_be_a_number_with_gradients(block: Any) -> None:
    for wrong in (lambda network: network(IMAGES[0]), lambda network: 3.0, lambda network: torch.tensor(float("nan"))):
        with pytest.raises(ConverterError, match="one finite number"):
            prune(block, IMAGES, wrong)
    with pytest.raises(ConverterError, match="no gradients"):
        prune(block, IMAGES, lambda network: network(IMAGES[0]).detach().mean())


def test_a_student_learns_what_the_teacher_answers(block: Any) -> None:
    torch.manual_seed(2)
    student, batches = Block(), list(torch.randn(64, 3, 8, 8).split(16))
    before = {name: value.clone() for name, value in block.state_dict().items()}
    losses = distill(student, block, batches, epochs=12, rate=5e-3)
    assert len(losses) == 12
    assert losses[-1] < 0.3 * losses[0]
    assert not student.training
    assert all(torch.equal(value, before[name]) for name, value in block.state_dict().items())


def test_values_and_labels_can_be_learned_too() -> None:
    torch.manual_seed(0)
    teacher, student = nn.Conv1d(2, 3, 3), nn.Conv1d(2, 3, 3)
    batches = [torch.randn(8, 2, 9) for _ in range(4)]
    losses = distill(student, teacher, batches, epochs=40, rate=3e-2)
    assert losses[-1] < 0.05 * losses[0]
    classes, labels = nn.Linear(4, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    inputs = torch.randn(6, 4)
    (lost,) = distill(classes, nn.Linear(4, 3), [(inputs, labels)], truth=1.0, rate=1e-9)
    with torch.no_grad():
        assert lost == pytest.approx(float(functional.cross_entropy(classes(inputs), labels)), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"temperature": 0.0}, "temperature of 0.0"),
        ({"truth": 2.0}, "cannot be 2.0"),
        ({"truth": 0.5}, r"batches of \(inputs, labels\)"),
        ({"epochs": 0}, "one epoch or more"),
        ({"batches": []}, "no batches"),
        ({"teacher": nn.Linear(4, 5)}, r"gives \(6, 3\) where the teacher gives \(6, 5\)"),
    ],
)
def test_refusals_of_distill(options: dict[str, Any], sentence: str) -> None:
    given = {"student": nn.Linear(4, 3), "teacher": nn.Linear(4, 3), "batches": [torch.zeros(6, 4)], **options}
    with pytest.raises(ConverterError, match=sentence):
        distill(**given)
