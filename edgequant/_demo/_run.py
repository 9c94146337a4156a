"""Train, convert, run on the test images, measure."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgequant._progress import Progress

FORMATS = ("fp32", "fp16", "dynamic", "int8")
SUFFIXES = (".tflite", ".onnx")
BOARDS = ("pi-zero", "pi4", "pi5")
CALIBRATION_IMAGES = 200
LATENCY_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One converted model: `ratio` is bytes over those of fp32 in the same file format, `accuracy` is 0..1."""

    file: str
    format: str
    engine: str
    bytes: int
    ratio: float
    accuracy: float
    median_us: float


@dataclass(frozen=True, slots=True)
class DeviceAdvice:
    """What suits a device; `engine` is None where none installs today, and `reason` the first of the reasons."""

    device: str
    format: str
    engine: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo measured, and what suits this machine and three boards."""

    models: tuple[ModelResult, ...]
    devices: tuple[DeviceAdvice, ...]
    test_images: int

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values."""
        document = asdict(self)
        return {**document, "models": list(document["models"]), "devices": list(document["devices"])}


def run_demo(folder: Path, progress: Progress) -> DemoResult:
    """Do everything; the network, its data and the models are written into `folder`."""
    from ._digits import load_digits, save, train

    digits = load_digits()
    network = train(digits, progress)
    calibration = digits.train_images[:CALIBRATION_IMAGES]
    save(network, digits, calibration, folder)
    models = _convert(network, calibration, folder, progress)
    accuracies = []
    for done, path in enumerate(models):
        progress("running on the test images", done, len(models))
        accuracies.append(_accuracy(path, digits.test_images, digits.test_labels))
    progress("measuring latency", 0, None)
    latencies = _latencies(list(models))
    results = []
    for path, accuracy, (engine, median_us) in zip(models, accuracies, latencies, strict=True):
        size, fp32_size = path.stat().st_size, path.with_stem("digits_fp32").stat().st_size
        name = models[path]
        results.append(ModelResult(path.name, name, engine, size, size / fp32_size, accuracy, median_us))
    return DemoResult(tuple(results), _devices(), len(digits.test_labels))


def _convert(network: Any, calibration: Any, folder: Path, progress: Progress) -> dict[Path, str]:
    """Write every format of every file format; return path -> format."""
    import torch
    from edgequant_converters import convert

    paths = {folder / f"digits_{name}{suffix}": name for suffix in SUFFIXES for name in FORMATS}
    for done, (path, name) in enumerate(paths.items()):
        progress("converting", done, len(paths))
        convert(network, path, quantize=name, calibration=calibration, example_inputs=(torch.zeros(1, 1, 8, 8),))
    return paths


def _accuracy(model: Path, images: Any, labels: Any) -> float:
    from edgequant_runtime.isolation import engine_process

    with engine_process() as process:
        session = process.open(model, threads=1)
        name = session.outputs[0].name
        predicted = [int(session.run(image[np.newaxis])[name].argmax()) for image in images]
    return float(np.mean(np.array(predicted) == labels))


def _devices() -> tuple[DeviceAdvice, ...]:
    from edgequant_device_checks import for_board, probe, recommend

    devices = [("this machine", probe()), *((board, for_board(board)) for board in BOARDS)]
    found = []
    for fallback, device in devices:
        advice = recommend(device)
        found.append(DeviceAdvice(device.model or fallback, advice.format, advice.engine, advice.reasons[0]))
    return tuple(found)


def _latencies(models: list[Path]) -> list[tuple[str, float]]:
    """Return each model's engine and median latency in microseconds on one thread."""
    from edgequant._bench import bench

    return [(row.engine, row.median_us) for row in bench(models, threads=(1,), seconds=LATENCY_SECONDS).results]
