"""The doctor from end to end: it mends what is broken, writes it down, and repeats it."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime.isolation import engine_process

from edgequant_converters import CalibrationError, SourceError, UnsupportedError, convert
from edgequant_converters._evaluate import open_model
from edgequant_converters.doctor import DoctorReport, doctor, load_recipe
from edgequant_converters.doctor._doctor import parse_budget
from edgequant_converters.doctor._latency import Benched, LatencyBudget, latency_budget
from edgequant_converters.doctor._mixed_precision import Limits
from edgequant_converters.doctor._report import Milliseconds

pytestmark = pytest.mark.torch_export

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def acceptance() -> Any:
    """scripts/doctor_acceptance as a module: its networks and data."""
    pytest.importorskip("torch")
    path = str(ROOT / "scripts" / "doctor_acceptance")
    specification = importlib.util.spec_from_loader("doctor_acceptance", SourceFileLoader("doctor_acceptance", path))
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small(acceptance: Any) -> Callable[[], Any]:
    """Builds its MobileNet with two blocks of four: a visit takes a time that grows with the square of the layers."""
    block = acceptance.Block
    return lambda: acceptance.MobileNet(block(8, 16, 2), block(16, 16, 1))


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.random.default_rng(5).uniform(size=(120, 1, 28, 28)).astype(np.float32)


@pytest.fixture(scope="session")
def broken(
    acceptance: Any, small: Callable[[], Any], images: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The MobileNet with random weights and depthwise channels of very different ranges, as float .tflite."""
    import torch

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = small().train()
        for _ in range(30):  # batch norms see what they normalise, so that the signal reaches the output
            network(torch.from_numpy(images))
        network.classifier.bias.zero_()
    acceptance.rescale_channels(network.eval())
    path = tmp_path_factory.mktemp("broken") / "broken.tflite"
    convert(network, path, example_inputs=(torch.zeros(1, 1, 28, 28),))
    return path


@pytest.fixture(scope="session")
def mended(broken: Path, images: np.ndarray) -> DoctorReport:
    return doctor(broken, broken.with_name("mended.tflite"), calibration=images, max_layers=1)


@pytest.mark.xdist_group("doctor")
def test_channels_of_different_ranges_are_mended(mended: DoctorReport) -> None:
    assert mended.plain.sqnr_db < 15
    assert mended.mended.sqnr_db > mended.plain.sqnr_db + 10
    step = next(step for step in mended.steps if step.technique == "equalization")
    assert step.kept and step.after is not None and step.after.sqnr_db > step.before.sqnr_db + 10
    assert any("share a scale" in finding and "can be evened out" in finding for finding in mended.findings)
    assert mended.output.stat().st_size == mended.bytes


@pytest.mark.xdist_group("doctor")
def test_every_step_starts_where_the_last_kept_one_ended(mended: DoctorReport) -> None:
    score = mended.steps[0].before
    for step in mended.steps:
        assert step.before == score
        if step.kept:
            assert step.after is not None and step.after.sqnr_db > step.before.sqnr_db
            score = step.after


@pytest.mark.xdist_group("doctor")
def test_a_new_process_repeats_the_recipe_byte_for_byte(broken: Path, mended: DoctorReport, tmp_path: Path) -> None:
    again = tmp_path / "again.tflite"
    code = "import sys, edgequant_converters as c; c.convert(sys.argv[1], sys.argv[2], recipe=sys.argv[3])"
    subprocess.run([sys.executable, "-c", code, broken, again, mended.recipe], check=True)
    assert again.read_bytes() == mended.output.read_bytes()


@pytest.mark.xdist_group("doctor")
def test_the_same_visit_gives_the_same_bytes(
    broken: Path, images: np.ndarray, mended: DoctorReport, tmp_path: Path
) -> None:
    report = doctor(broken, tmp_path / "twice.tflite", calibration=images, max_layers=1)
    assert report.output.read_bytes() == mended.output.read_bytes()
    assert report.recipe.read_text() == mended.recipe.read_text()


@pytest.mark.xdist_group("doctor")
def test_convert_reports_what_the_doctor_measured(broken: Path, mended: DoctorReport, tmp_path: Path) -> None:
    report = convert(broken, tmp_path / "again.tflite", recipe=mended.recipe)
    assert report.sqnr_db == mended.mended.sqnr_db
    assert "when the recipe was made" in report.sqnr_measured_on
    assert report.quantize == "int8"


@pytest.mark.xdist_group("doctor")
def test_a_recipe_of_another_model_is_refused(
    broken: Path, mended: DoctorReport, acceptance: Any, tmp_path: Path
) -> None:
    data = bytearray(broken.read_bytes())
    network = tmp_path / "other.tflite"
    # One weight, one bit: the graph and all names are the same.
    from edgequant_converters.doctor._network import Network

    other = Network(bytes(data))
    weights = other.weights(other.layers[0]).copy()
    weights.flat[0] = np.nextafter(weights.flat[0], np.float32(1))
    other.set_weights(other.layers[0], weights)
    network.write_bytes(other.to_bytes())
    output = tmp_path / "refused.tflite"
    with pytest.raises(
        SourceError, match=r"belongs to another model: layer .* has other weights than when the recipe was made; run"
    ):
        convert(network, output, recipe=mended.recipe)
    assert not output.exists()


@pytest.mark.xdist_group("doctor")
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r: r.update(version=4), UnsupportedError, "version 4, written by a newer edgequant: update"),
        (lambda r: r.update(version="2"), SourceError, "damaged"),
        (lambda r: r.pop("layers"), SourceError, "damaged"),
        (lambda r: r.update(format="other"), SourceError, "no recipe"),
        (lambda r: r.pop("ranges"), SourceError, "damaged"),
        (lambda r: r["edits"].append({"kind": "unknown"}), SourceError, "damaged"),
        (lambda r: r["edits"].append({"kind": "shift_bias", "layer": "none", "shift": [1.0]}), SourceError, "not fit"),
        (lambda r: r["precision"].update(x="int4"), SourceError, "damaged"),
    ],
)
def test_damaged_recipes_are_refused_in_a_sentence(
    change: Callable[[dict[str, Any]], Any],
    error: type[Exception],
    message: str,
    broken: Path,
    mended: DoctorReport,
    tmp_path: Path,
) -> None:
    recipe = json.loads(mended.recipe.read_text())
    change(recipe)
    (tmp_path / "changed.json").write_text(json.dumps(recipe))
    with pytest.raises(error, match=message):
        convert(broken, tmp_path / "out.tflite", recipe=tmp_path / "changed.json")


@pytest.mark.xdist_group("doctor")
def test_a_recipe_stands_alone(broken: Path, mended: DoctorReport, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"leave out quantize, keep_float"):
        convert(broken, tmp_path / "o.tflite", recipe=mended.recipe, quantize="fp16", keep_float="x")
    with pytest.raises(UnsupportedError, match=r"makes a \.tflite file"):
        convert(broken, tmp_path / "o.onnx", recipe=mended.recipe)
    with pytest.raises(SourceError, match="cannot be read"):
        convert(broken, tmp_path / "o.tflite", recipe=tmp_path / "missing.json")


@pytest.mark.xdist_group("doctor")
def test_boxes_and_scores_get_scales_of_their_own(acceptance: Any, tmp_path: Path) -> None:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = acceptance.Detector().eval()
    hub, data = tmp_path / "detector.tflite", np.random.default_rng(0).uniform(size=(60, 3, 16, 16)).astype(np.float32)
    convert(detector, hub, example_inputs=(torch.zeros(1, 3, 16, 16),))
    report = doctor(hub, tmp_path / "int8.tflite", calibration=data[:40], data=data[40:], io="int8")
    assert any("parts of very different ranges on one scale: 0..3" in finding for finding in report.findings)
    assert next(step for step in report.steps if step.technique == "split outputs").kept
    assert report.plain.sqnr_db < 20 < 40 < report.mended.sqnr_db
    boxes, scores = open_model(report.output).outputs
    assert (boxes.name, boxes.shape, scores.name, scores.shape) == ("output_0", (1, 16, 4), "output_1", (1, 16, 3))
    assert boxes.scale is not None and scores.scale is not None and boxes.scale > 100 * scores.scale
    again = tmp_path / "again.tflite"
    measured = convert(hub, again, recipe=report.recipe, calibration=data[40:])
    assert again.read_bytes() == report.output.read_bytes()
    assert measured.sqnr_db is not None and measured.sqnr_db > 40, "each part is compared with its own"


@pytest.mark.xdist_group("doctor")
def test_layers_leave_int8_only_within_limits(broken: Path, images: np.ndarray, tmp_path: Path) -> None:
    tight = doctor(broken, tmp_path / "tight.tflite", calibration=images, max_layers=2, budget="0%")
    assert not tight.off_int8


def unlike_channels(folder: Path) -> tuple[Path, np.ndarray]:
    """Return a network of which one layer's output needs more than 8 bits: half its channels are 2500 times smaller."""
    torch = pytest.importorskip("torch")

    class UnlikeChannels(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = torch.nn.Linear(16, 16), torch.nn.Linear(16, 4, bias=False)
            size = torch.tensor([1.0, 0.02] * 8)
            with torch.no_grad():
                self.first.weight *= size[:, None]
                self.first.bias *= size
                self.second.weight /= size**2

        def forward(self, x: Any) -> Any:
            y = self.first(x)
            return self.second(y * torch.abs(y))

    torch.manual_seed(0)
    hub, data = folder / "unlike.tflite", np.random.default_rng(0).normal(size=(100, 1, 16)).astype(np.float32)
    convert(UnlikeChannels().eval(), hub, example_inputs=(torch.zeros(1, 16),))
    return hub, data


@pytest.mark.xdist_group("doctor")
def test_a_wide_layer_is_taken_where_it_helps_most(tmp_path: Path) -> None:
    hub, data = unlike_channels(tmp_path)
    report = doctor(hub, tmp_path / "int8.tflite", calibration=data, budget="100%", max_layers=1)
    step = report.steps[-1]
    assert step.technique == "mixed precision" and step.kept
    assert len(report.off_int8) == 1 and set(report.off_int8.values()) <= {"int16x8", "float32"}
    assert report.bytes <= 2 * report.plain_bytes
    again = tmp_path / "again.tflite"
    convert(hub, again, recipe=report.recipe)
    assert again.read_bytes() == report.output.read_bytes()


@pytest.mark.xdist_group("doctor")
def test_layers_leave_int8_only_within_a_budget_of_milliseconds(tmp_path: Path) -> None:
    hub, data = unlike_channels(tmp_path)
    report = doctor(hub, tmp_path / "fast.tflite", calibration=data, budget="100%", max_layers=1, budget_ms=1e-6)
    assert not report.off_int8
    assert "1e-06 ms" in report.steps[-1].what
    roomy = doctor(hub, tmp_path / "roomy.tflite", calibration=data, budget="100%", max_layers=1, budget_ms=60_000)
    assert len(roomy.off_int8) == 1
    assert report.milliseconds is not None and report.milliseconds.plain > 1e-6
    assert report.to_dict()["milliseconds"]["budget"] == 1e-6
    assert "Plain int8 already takes" in report.findings[0]
    assert "more than the 1e-06 ms of the budget" in report.limits[0]


@pytest.mark.xdist_group("doctor")
def test_a_model_that_the_native_engine_refuses_costs_no_finished_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, data = unlike_channels(tmp_path)
    times: list[Path] = []

    def only_plain(self: LatencyBudget, model: Path, sample: Any) -> float:
        times.append(model)
        if len(times) > 1:
            raise UnsupportedError("refused")
        return 1.0

    monkeypatch.setattr(LatencyBudget, "time", only_plain)
    report = doctor(hub, tmp_path / "kept.tflite", calibration=data, budget="100%", max_layers=1, budget_ms=5)
    assert report.output.exists() and report.recipe.exists()
    assert len(times) == 3  # plain int8 before anything is tried, the layer that would gain, the written model
    assert not report.off_int8
    assert report.milliseconds == Milliseconds(5, 1.0, None)
    assert "does not run this model" in report.limits[0]
    steps: list[str] = []
    with pytest.raises(UnsupportedError, match="refused"):  # plain int8 is refused before anything is tried
        doctor(
            hub, tmp_path / "none.tflite", calibration=data, budget_ms=5, progress=lambda step, *_: steps.append(step)
        )
    assert not any(step.startswith("step") for step in steps)


def test_what_cannot_be_opened_is_not_affordable(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"no model")
    assert not Limits(1, 100, LatencyBudget(1e9)).allow(tmp_path / "broken.tflite", {})


def test_a_bench_tells_what_a_millisecond_is_on_its_board(tmp_path: Path) -> None:
    hub, data = unlike_channels(tmp_path)
    model, bench = tmp_path / "int8.tflite", tmp_path / "bench.json"
    convert(hub, model, quantize="int8", calibration=data, effort=0)
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    result = {"model": "/elsewhere/int8.tflite", "sha256": digest, "format": "int8", "engine": "native", "threads": 1}
    result |= {"min_us": 3e9, "median_us": 1e-3, "input_shapes": None}
    bench.write_text(json.dumps({"results": [{**result, "engine": "litert"}, result]}))
    with engine_process():
        budget = latency_budget(1000, bench).calibrated()
        assert budget.benched == Benched(model, 1, 3e6)
        assert not budget.allows(model, {})
        assert latency_budget(1000, None).calibrated().allows(model, {})
    model.write_bytes(hub.read_bytes())
    with pytest.raises(CalibrationError, match=r"int8\.tflite is not the model .* bench it again"):
        latency_budget(1000, bench)


def test_a_bench_of_given_shapes_is_timed_with_these(tmp_path: Path) -> None:
    model, bench = tmp_path / "int8.tflite", tmp_path / "bench.json"
    hub, data = unlike_channels(tmp_path)
    convert(hub, model, quantize="int8", calibration=data, effort=0)
    shapes = {"no such input": [1, 2]}
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    result = {"model": str(model), "sha256": digest, "format": "int8", "engine": "native", "threads": 1, "min_us": 1}
    bench.write_text(json.dumps({"results": [{**result, "input_shapes": shapes}]}))
    with engine_process(), pytest.raises(UnsupportedError, match="no input 'no such input' to give a shape"):
        latency_budget(1000, bench).calibrated()


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "not what `edgequant bench --json` of this"), ('{"results": []}', "no result of the native engine")],
)
def test_a_bench_that_tells_nothing_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(CalibrationError, match=said):
        latency_budget(5, tmp_path / "bench.json")
    with pytest.raises(UnsupportedError, match="no budget of milliseconds"):
        latency_budget(0, None)
    with pytest.raises(UnsupportedError, match="-1 is no budget of milliseconds"):  # before the source is read
        doctor(tmp_path / "none.keras", tmp_path / "int8.tflite", calibration=np.zeros((8, 1)), budget_ms=-1)
    with pytest.raises(CalibrationError, match=said):
        doctor(
            tmp_path / "none.keras",
            tmp_path / "int8.tflite",
            calibration=np.zeros((8, 1)),
            budget_ms=5,
            bench=tmp_path / "bench.json",
        )
    with pytest.raises(UnsupportedError, match=r"for \.tflite"):
        doctor(tmp_path / "net.onnx", tmp_path / "int8.onnx", calibration=np.zeros((8, 1)), budget_ms=5)


@pytest.mark.xdist_group("doctor")
def test_onnx_gets_ranges_and_float_nodes(nets: Any, tmp_path: Path) -> None:
    module, example = nets["lenet"]
    hub, generator = tmp_path / "lenet.onnx", np.random.default_rng(0)
    data = generator.normal(size=(100, 1, 28, 28)).astype(np.float32)
    data[::9] *= 8  # a few loud samples stretch every range
    convert(module, hub, example_inputs=example)
    report = doctor(hub, tmp_path / "int8.onnx", calibration=data, budget="80%", max_layers=1)
    assert {step.technique for step in report.steps} == {"ranges", "ranges by tensor", "mixed precision"}
    again = tmp_path / "again.onnx"
    convert(hub, again, recipe=report.recipe)
    assert again.read_bytes() == report.output.read_bytes()
    assert load_recipe(report.recipe).edits == ()


@pytest.mark.xdist_group("doctor")
def test_labels_must_fit(broken: Path, images: np.ndarray, tmp_path: Path) -> None:
    output = tmp_path / "o.tflite"
    with pytest.raises(CalibrationError, match="Labels need the data"):
        doctor(broken, output, calibration=images, labels=np.zeros(3, np.int64))
    with pytest.raises(CalibrationError, match="3 labels for 20 samples"):
        doctor(broken, output, calibration=images, data=images[:20], labels=np.zeros(3, np.int64))
    with pytest.raises(CalibrationError, match="integer class indices"):
        doctor(broken, output, calibration=images, data=images[:20], labels=np.zeros(20))
    assert not output.exists()


@pytest.mark.parametrize(
    ("budget", "limit"), [("5%", 1050), ("0%", 1000), (2000, 2000), ("1,500", 1500), ("12.5%", 1125)]
)  # fmt: skip
def test_budgets(budget: str | int, limit: int) -> None:
    assert parse_budget(budget, 1000) == limit


@pytest.mark.parametrize("budget", ["", "lots", "%", "-5%", "nan", "inf%"])
def test_other_budgets_are_refused(budget: str) -> None:
    with pytest.raises(UnsupportedError, match="is no budget"):
        parse_budget(budget, 1000)


@pytest.mark.xdist_group("doctor")
def test_a_trained_classifier_comes_back_to_its_accuracy(
    acceptance: Any, small: Callable[[], Any], shared: Path, tmp_path: Path
) -> None:
    """The acceptance script's first network, smaller and trained on less so that the test stays short."""
    import torch

    images, labels = acceptance.digits(shared)
    network = acceptance.train(images[:4_000], labels[:4_000], small)
    acceptance.rescale_channels(network)
    hub = tmp_path / "digits.tflite"
    convert(network, hub, example_inputs=(torch.zeros(1, 1, 28, 28),))
    held_out = slice(8_000, 9_000)
    report = doctor(
        hub, tmp_path / "int8.tflite", calibration=images[:200], data=images[held_out], labels=labels[held_out]
    )
    assert report.float_accuracy is not None and report.float_accuracy > 0.9
    assert report.plain.accuracy is not None and report.mended.accuracy is not None
    assert report.plain.accuracy < report.float_accuracy - 0.1
    assert report.mended.accuracy >= report.float_accuracy - 0.005
    assert not report.off_int8
