"""A MobileNetV2-like network for MNIST, small enough to be trained on one core in a minute."""

import torch
from torch import nn
from torch.nn import functional


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise 3x3, project; batch norms after each."""

    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape (n, inputs, h, w) but for the channels and the stride."""
        y: torch.Tensor = self.layers(x)
        return x + y if self.residual else y


class SmallMobileNet(nn.Module):
    """Seven blocks for 28x28 gray images, 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        blocks = ((8, 16, 1), (16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 32, 2), (32, 32, 1), (32, 32, 1))
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            *(InvertedResidual(inputs, outputs, stride, 4) for inputs, outputs, stride in blocks),
            nn.Conv2d(32, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU(),
        )  # fmt: skip
        self.classifier = nn.Linear(96, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return scores (n, 10) for images (n, 1, 28, 28)."""
        scores: torch.Tensor = self.classifier(functional.adaptive_avg_pool2d(self.features(image), 1).flatten(1))
        return scores
