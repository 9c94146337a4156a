"""Six small nets of the usual kinds, with seeded random weights, for the tests of every conversion."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import nn


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 256), nn.Linear(256, 128), nn.Linear(128, 64)
        self.fc4 = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image.flatten(1)
        for layer in (self.fc1, self.fc2, self.fc3):
            x = F.relu(layer(x))
        return F.log_softmax(self.fc4(x), dim=1)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(image)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        expansion = [nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()] if expand > 1 else []
        self.layers = nn.Sequential(
            *expansion,
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 at half width, with 15 of its 17 blocks and 10 classes."""

    _blocks = ((1, 8, 1, 1), (6, 16, 2, 2), (6, 24, 3, 2), (6, 32, 3, 2), (6, 48, 3, 1), (6, 96, 2, 2), (6, 320, 1, 1))

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        blocks, inputs = [], 16
        for expand, outputs, repeats, stride in self._blocks:
            for index in range(repeats):
                blocks.append(InvertedResidual(inputs, outputs, stride if index == 0 else 1, expand))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Conv2d(inputs, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6())
        self.classifier = nn.Linear(1280, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = self.head(self.blocks(self.stem(image)))
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class TransformerEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(32, 64)
        # Not nn.TransformerEncoder: its layers start as copies of one, and the converters would store them once.
        self.encoder = nn.Sequential(
            *(nn.TransformerEncoderLayer(64, 4, 128, activation="gelu", batch_first=True) for _ in range(3))
        )
        self.classifier = nn.Linear(64, 10)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.encoder(self.embed(sequence)).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.rnn = kind(28, 64, num_layers=2, batch_first=True)
        self.classifier = nn.Linear(64, 10)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.rnn(rows)[0][:, -1])


_NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (Mlp, (1, 1, 28, 28)),
    "lenet": (LeNet, (1, 1, 28, 28)),
    "mobilenetv2": (MobileNetV2, (1, 3, 64, 64)),
    "transformer": (TransformerEncoder, (1, 16, 32)),
    "lstm": (lambda: Recurrent(nn.LSTM), (1, 16, 28)),
    "gru": (lambda: Recurrent(nn.GRU), (1, 16, 28)),
}


def build_all() -> dict[str, tuple[nn.Module, tuple[torch.Tensor, ...]]]:
    """Return each net, in evaluation mode, with one example input (a batch of one)."""
    return {name: _build(seed, *entry) for seed, (name, entry) in enumerate(_NETS.items())}


def _build(
    seed: int, build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = build().eval()
    _fill_batch_norms(module, generator)
    return module, (torch.randn(shape, generator=generator),)


def _fill_batch_norms(module: nn.Module, generator: torch.Generator) -> None:
    """Give batch norms statistics as training would: the identity that they start as would hide folding errors."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None and layer.running_var is not None
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
