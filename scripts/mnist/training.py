"""The data, the loop, and accuracy: of a torch network, and of a model file in its own engine."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from edgequant_converters._evaluate import open_model
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

TRAIN, TEST = 8_000, 2_000
BATCH = 64


def load(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return 10,000 images (n, 1, 28, 28) in 0..1 and their labels."""
    with gzip.open(folder / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return torch.from_numpy(images.astype(np.float32) / 255), torch.from_numpy(labels.astype(np.int64))


def train(network: nn.Module, images: torch.Tensor, labels: torch.Tensor, rates: Sequence[float]) -> None:
    """Train one epoch at each learning rate."""
    optimizer = torch.optim.Adam(network.parameters())
    network.train()
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()


def scores_of_torch(network: nn.Module, images: torch.Tensor) -> NDArray[np.float32]:
    """Return the scores of all images."""
    network.eval()
    with torch.no_grad():
        return np.concatenate([network(batch).numpy() for batch in images.split(BATCH)])


def scores_of_file(path: Path, images: torch.Tensor) -> NDArray[np.float64]:
    """Return the dequantized scores of all images, run one by one."""
    model = open_model(path)
    return np.concatenate([model.run_real([image[None]])[0] for image in images.numpy()])


def accuracy(scores: NDArray[np.floating], labels: torch.Tensor) -> float:
    """Return the per cent of images whose highest score is the label's."""
    return 100 * float(np.mean(scores.argmax(1) == labels.numpy()))
