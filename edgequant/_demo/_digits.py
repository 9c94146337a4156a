"""Handwritten digits that come with scikit-learn, hard to read, and a small network that learns them in seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from edgequant_converters import replacing
from numpy.typing import NDArray
from torch import nn

EPOCHS = 8
BATCH = 32
TEST_SHARE = 0.25
NOISE = 0.35
"""Standard deviation of what is added to each pixel. Without it every format gets the same digits right."""
TRAIN_COPIES, TEST_COPIES = 2, 4
"""How often each digit is there, with other noise."""


@dataclass(frozen=True, slots=True)
class Digits:
    """8x8 gray images, float32 (n, 1, 8, 8) in 0..1, and their labels 0..9, int64 (n,)."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def load_digits() -> Digits:
    """Return the 1,797 digits of the UCI set, split 3 to 1, with noise, the same every time."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    images = (digits.images / 16).astype(np.float32)[:, np.newaxis]
    train, test, train_labels, test_labels = train_test_split(
        images, digits.target.astype(np.int64), test_size=TEST_SHARE, random_state=0, stratify=digits.target
    )
    generator = np.random.default_rng(0)

    def noisy(clean: NDArray[np.float32], copies: int) -> NDArray[np.float32]:
        repeated = np.concatenate([clean] * copies)
        return np.clip(repeated + generator.normal(0, NOISE, repeated.shape), 0, 1).astype(np.float32)

    return Digits(
        noisy(train, TRAIN_COPIES),
        np.tile(train_labels, TRAIN_COPIES),
        noisy(test, TEST_COPIES),
        np.tile(test_labels, TEST_COPIES),
    )


class DigitsNet(nn.Module):
    """Three 3x3 convolutions and two fully-connected layers, 57,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return class scores (n, 10) for images (n, 1, 8, 8)."""
        scores: torch.Tensor = self.classifier(self.features(image))
        return scores


def train(digits: Digits, progress: Callable[[str, int, int | None], None]) -> DigitsNet:
    """Train from a fixed seed and return the network in evaluation mode."""
    torch.manual_seed(0)
    network = DigitsNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    images, labels = torch.from_numpy(digits.train_images), torch.from_numpy(digits.train_labels)
    for epoch in range(EPOCHS):
        progress("training", epoch, EPOCHS)
        for batch in torch.split(torch.randperm(len(images)), BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network.eval()


def save(network: DigitsNet, digits: Digits, calibration: NDArray[np.float32], folder: Path) -> None:
    """Write what the other commands take: the network as an exported program, and the images and labels as .npy."""
    program = torch.export.export(network, (torch.zeros(1, 1, 8, 8),))
    with replacing(folder / "digits.pt2") as temporary:
        torch.export.save(program, temporary)
    arrays: dict[str, NDArray[np.generic]] = {
        "calibration": calibration,
        "test": digits.test_images,
        "labels": digits.test_labels,
    }
    for name, array in arrays.items():
        with replacing(folder / f"{name}.npy") as temporary:
            np.save(temporary, array)
