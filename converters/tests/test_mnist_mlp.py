"""The MLP on real handwritten digits: what each number format costs in memory and in accuracy."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_converters import convert
from edgequant_converters._evaluate import open_model

pytestmark = pytest.mark.torch_export

TRAIN, TEST = 8_000, 2_000
LARGEST_LOSS = 0.003  # of accuracy: 0.3 points


@pytest.fixture(scope="module")
def digits(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's 10,000 test images, 784 values in 0..1 each, and their labels."""
    with gzip.open(shared / "data" / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(shared / "data" / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    return images.astype(np.float32) / 255, labels.astype(np.int64)


@pytest.fixture(scope="module")
def trained(digits: tuple[np.ndarray, np.ndarray], nets: Any) -> Any:
    import torch
    from torch.nn import functional

    images, labels = (torch.from_numpy(part[:TRAIN].copy()) for part in digits)
    torch.manual_seed(0)
    mlp = type(nets["mlp"][0])().train()
    optimizer = torch.optim.Adam(mlp.parameters(), lr=1e-3)
    for _ in range(10):
        for batch in torch.randperm(TRAIN).split(64):
            optimizer.zero_grad()
            functional.nll_loss(mlp(images[batch]), labels[batch]).backward()
            optimizer.step()
    return mlp.eval()


def accuracy(path: Path, digits: tuple[np.ndarray, np.ndarray]) -> float:
    model = open_model(path)
    images, labels = (part[TRAIN : TRAIN + TEST] for part in digits)
    predicted = [int(model.run_real([image[np.newaxis]])[0].argmax()) for image in images]
    return float(np.mean(np.array(predicted) == labels))


@pytest.mark.xdist_group("mnist")
@pytest.mark.parametrize(
    ("dtype", "bytes_in_memory"),
    [("float16", 485_524), ("bfloat16", 485_524), ("float8_e4m3fn", 242_762), ("float8_e5m2", 242_762)],
)  # fmt: skip
def test_memory_follows_the_number_format(dtype: str, bytes_in_memory: int, nets: Any) -> None:
    import torch

    from edgequant_converters import downcast, footprint

    mlp = type(nets["mlp"][0])()
    assert footprint(downcast(mlp, getattr(torch, dtype))) == bytes_in_memory
    assert footprint(mlp) == 971_048


@pytest.mark.xdist_group("mnist")
@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_accuracy_holds_in_every_format(
    suffix: str, trained: Any, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    import torch

    paths = {"fp32": tmp_path / f"fp32{suffix}"}
    convert(trained, paths["fp32"], example_inputs=(torch.zeros(1, 784),))
    for scheme in ("fp16", "dynamic", "int8") if suffix == ".tflite" else ("fp16", "bf16", "dynamic", "int8"):
        paths[scheme] = tmp_path / f"{scheme}{suffix}"
        convert(paths["fp32"], paths[scheme], quantize=scheme, calibration=digits[0][:500])
    measured = {scheme: accuracy(path, digits) for scheme, path in paths.items()}
    assert measured["fp32"] > 0.9, measured
    assert all(measured["fp32"] - value <= LARGEST_LOSS for value in measured.values()), measured
