"""Ranges are chosen by what they do to the outputs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgequant_runtime.isolation import engine_process

from edgequant_converters import convert
from edgequant_converters._choose import FIT_BYTES, KeepFirst, choose
from edgequant_converters._evaluate import open_model
from edgequant_converters._evened import even_out, evenable
from edgequant_converters._measure import GLANCE, HOPELESS_DB, THIRDS, FloatHub, Reference, Standing
from edgequant_converters._request import Ranges
from edgequant_converters.calibration import LEAST_FOURTH, LEAST_SQUARES, MINMAX, Evidence, Rounding
from edgequant_converters.doctor._network import Network
from edgequant_converters.ir import Builder, Graph, Model, Tensor, write_ir
from edgequant_converters.quantizer import LitertActivations

DRAW = np.random.default_rng(6)
LAYERS = [DRAW.normal(0, 0.15, (64, 64)) for _ in range(6)]


def network(folder: Path) -> Path:
    """Write layers of which the first cuts off at 6 what lies beyond: outliers of the input say nothing."""
    build = Builder(Graph(inputs=[Tensor("x", (1, 64))]))
    x = build.unary("RELU6", build.graph.inputs[0])
    for weights in LAYERS:
        x = build.unary("RELU", build.fully_connected(x, build.constant(weights, np.float32)))
    build.graph.outputs = [x]
    (folder / "float.tflite").write_bytes(write_ir(Model([build.graph], ["x"], ["y"])))
    return folder / "float.tflite"


def test_outliers_that_say_nothing_are_cut_off(tmp_path: Path) -> None:
    samples = DRAW.normal(size=(80, 1, 64)).astype(np.float32)
    samples[7, 0, 3] = 400
    plain = convert(network(tmp_path), tmp_path / "0.tflite", quantize="int8", calibration=samples, effort=0)
    chosen = convert(network(tmp_path), tmp_path / "1.tflite", quantize="int8", calibration=samples)
    assert chosen.sqnr_db is not None
    assert plain.sqnr_db is not None
    assert chosen.sqnr_db > plain.sqnr_db + 6
    assert plain.choices == ()
    assert chosen.choices[0].what == "minmax ranges"
    assert any(step.taken and step.what.startswith("percentile 99.9 ranges from") for step in chosen.choices)
    again = convert(network(tmp_path), tmp_path / "2.tflite", quantize="int8", calibration=samples)
    assert again.output.read_bytes() == chosen.output.read_bytes()


def test_channels_that_share_a_scale_are_evened_out(tmp_path: Path) -> None:
    build = Builder(Graph(inputs=[Tensor("x", (1, 64))]))
    first, second = DRAW.normal(0, 0.15, (16, 64)), DRAW.normal(0, 0.3, (64, 16))
    first[3] *= 300
    second[:, 3] /= 300
    x = build.fully_connected(build.graph.inputs[0], build.constant(first, np.float32))
    build.graph.outputs = [build.fully_connected(x, build.constant(second, np.float32))]
    (tmp_path / "uneven.tflite").write_bytes(write_ir(Model([build.graph], ["x"], ["y"])))
    samples = DRAW.normal(size=(80, 1, 64)).astype(np.float32)
    report = convert(tmp_path / "uneven.tflite", tmp_path / "1.tflite", quantize="int8", calibration=samples)
    plain = convert(tmp_path / "uneven.tflite", tmp_path / "0.tflite", quantize="int8", calibration=samples, effort=0)
    assert report.sqnr_db is not None
    assert plain.sqnr_db is not None
    assert plain.sqnr_db < 15
    assert report.sqnr_db > 25
    assert next(step for step in report.choices if "evened out" in step.what).taken


def test_the_range_of_what_a_silu_reads_is_judged_by_the_silu() -> None:
    values = np.concatenate([DRAW.normal(-12, 6, 20_000), DRAW.normal(1, 1, 4_000)]).astype(np.float32)
    plain, through = Evidence({}), Evidence({}, functions={"x": "SILU"})
    for evidence in (plain, through):
        evidence.update("x", values)
    assert plain.choices()[LEAST_SQUARES]["x"][0] < -20
    for low, high in (through.choices()[method]["x"] for method in (MINMAX, LEAST_FOURTH, LEAST_SQUARES)):
        assert -10 < low < -2
        assert high > 3
    assert through.choices()[MINMAX]["x"][1] == values.max()


def test_tensors_that_pass_on_their_largest_value_are_cut_together() -> None:
    evidence = Evidence({})
    x = DRAW.normal(1, 8, 4_000).astype(np.float32)
    evidence.update("argument", x)
    evidence.update("other", x * 0.9)
    evidence.update("product", x / (1 + np.exp(-x)))
    assert evidence.passed_on(["argument", "other", "product"]) == [("argument", "product"), ("other",)]
    assert evidence.passed_on(["other"]) == [("other",)]


def test_rare_large_values_count_more_in_fourth_powers() -> None:
    evidence = Evidence({})
    evidence.update("x", np.concatenate([DRAW.normal(size=50_000), [9.0, 10.0]]).astype(np.float32))
    choices = evidence.choices()
    assert choices[LEAST_SQUARES]["x"][1] < choices[LEAST_FOURTH]["x"][1] <= choices[MINMAX]["x"][1]


def test_ranges_hold_nothing_that_was_not_seen() -> None:
    evidence = Evidence({})
    evidence.update("variance", np.random.default_rng(0).uniform(2.0, 3.0, 1000).astype(np.float32))
    lowest, highest = evidence.ranges()["variance"]
    for method, ranges in evidence.choices().items():
        low, high = ranges["variance"]
        assert lowest <= low < high <= highest, method


@pytest.mark.parametrize(("left_in_float", "taken"), [(0, True), (1, False)])
def test_what_is_better_for_being_left_in_float_is_not_taken(tmp_path: Path, left_in_float: int, taken: bool) -> None:
    hub, output = network(tmp_path), tmp_path / "out.tflite"
    samples = [{"x": row} for row in DRAW.normal(size=(8, 1, 64)).astype(np.float32)]
    evidence = Evidence({})
    for sample in samples:
        evidence.update("x", sample["x"])
    coarse = tmp_path / "coarse.tflite"
    convert(hub, coarse, quantize="dynamic")
    models = [(coarse, 0)]  # the plain one; all others are the float network itself

    def write(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
        model, kept = models.pop() if models else (hub, left_in_float)
        output.write_bytes(model.read_bytes())
        return kept

    fit = KeepFirst(samples)
    assert list(fit) == samples
    first, *others = choose(FloatHub(hub), output, write, evidence, fit, lambda spans: None).steps
    assert first.taken
    assert others and all(step.sqnr_db > first.sqnr_db + 20 for step in others)
    assert any(step.taken for step in others) == taken


def test_an_even_group_keeps_its_ranges(tmp_path: Path) -> None:
    """Channels beside uneven ones are not touched."""
    build = Builder(Graph(inputs=[Tensor("x", (1, 64))]))
    layers = [DRAW.normal(0, 0.15, shape) for shape in ((16, 64), (32, 16), (8, 32), (64, 8))]
    layers[0][3] *= 300
    layers[1][:, 3] /= 300
    x = build.graph.inputs[0]
    for weights in layers:
        x = build.fully_connected(x, build.constant(weights, np.float32))
    build.graph.outputs = [x]
    hub = tmp_path / "hub.tflite"
    hub.write_bytes(write_ir(Model([build.graph], ["x"], ["y"])))
    evidence = Evidence({}, spanned=evenable(hub))
    network = open_model(hub)
    watch = LitertActivations(Network(hub.read_bytes()).model, hub.read_bytes())
    for row in DRAW.normal(size=(8, 1, 64)).astype(np.float32):
        for name, value in watch.run({network.inputs[0].name: row}):
            evidence.update(name, value)
    evened = even_out(hub, evidence.spans())
    assert evened is not None
    widths = {name: scale.size for name, scale in evened.scales.items()}
    assert set(widths.values()) == {16}


def test_what_is_clearly_worse_is_not_measured_on_all_samples(tmp_path: Path) -> None:
    hub, coarse = network(tmp_path), tmp_path / "coarse.tflite"
    convert(hub, coarse, quantize="dynamic")
    samples = [{"x": row} for row in DRAW.normal(size=(4 * THIRDS - 1, 1, 64)).astype(np.float32)]
    with engine_process():
        reference = Reference(FloatHub(hub), samples)
        whole, alone = reference.stand(hub, None), reference.stand(coarse, None)
        beaten = reference.stand(coarse, replace(whole, glance_db=alone.glance_db))
    assert whole.samples == alone.samples == len(samples)
    assert beaten.samples == 4
    assert beaten.thirds == alone.thirds[:1]
    assert whole.beats(alone, 1.0)
    assert not beaten.beats(alone, -100.0)


def test_what_only_some_samples_gain_by_is_not_better() -> None:
    best = Standing(30.0, (30.0, 31.0, 300.0), 30.5, 24)
    assert Standing(30.0, (30.0, 33.0, 300.0), 31.5, 24).beats(best, 0.2)
    assert Standing(40.0, (40.0, 28.0, 300.0), 36.0, 24).beats(best, 0.2)
    assert not Standing(32.0, (32.0, 30.0, 300.0), 31.0, 24).beats(best, 0.2)
    assert not Standing(30.1, (30.1, 31.1, 300.0), 30.6, 24).beats(best, 0.2)


def test_few_samples_are_thirds_of_one(tmp_path: Path) -> None:
    hub = network(tmp_path)
    with engine_process():
        for count, thirds in ((1, 1), (2, 2), (4, 2)):
            samples = [{"x": row} for row in DRAW.normal(size=(count, 1, 64)).astype(np.float32)]
            standing = Reference(FloatHub(hub), samples).stand(hub, None)
            assert (len(standing.thirds), standing.samples) == (thirds, count)


def test_what_is_hopeless_is_only_glanced_at(tmp_path: Path) -> None:
    hub, coarse = network(tmp_path), tmp_path / "coarse.tflite"
    convert(hub, coarse, quantize="dynamic")
    samples = [{"x": row} for row in DRAW.normal(size=(24, 1, 64)).astype(np.float32)]
    with engine_process():
        answers = [open_model(hub).run_real([sample["x"]]) for sample in samples]
        asked, told = Reference(FloatHub(hub), samples), Reference(FloatHub(hub), samples, answers)
        whole = asked.stand(hub, None)
        hopeless = asked.stand(coarse, whole)
        assert told.stand(coarse, None) == asked.stand(coarse, None)
    assert hopeless.samples == GLANCE
    assert hopeless.glance_db < whole.glance_db - HOPELESS_DB


def test_what_cuts_off_more_than_what_was_worse_is_tried_too(tmp_path: Path) -> None:
    hub, output = network(tmp_path), tmp_path / "out.tflite"
    samples = [{"x": row} for row in DRAW.normal(size=(24, 1, 64)).astype(np.float32)]
    evidence = Evidence({})
    for sample in samples:
        for name in ("x", *"abcdefghijklmnopqrstuvw"):
            evidence.update(name, sample["x"])
    worse, written = tmp_path / "worse.tflite", list[bytes]()
    convert(hub, tmp_path / "plain.tflite", quantize="int8", calibration=np.stack([s["x"] for s in samples]), effort=0)
    convert(hub, worse, quantize="int8", calibration=np.stack([s["x"] / 40 for s in samples]), effort=0)

    def write(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
        model = (worse if written else tmp_path / "plain.tflite").read_bytes()
        # Each is another file, which computes the same.
        written.append(model + bytes([len(written)]))
        output.write_bytes(written[-1])
        return 0

    fit = KeepFirst(samples)
    assert list(fit) == samples
    steps = choose(FloatHub(hub), output, write, evidence, fit, lambda spans: None).steps
    assert [step.taken for step in steps] == [True] + [False] * (len(steps) - 1)
    tried = {step.what.split(" ranges")[0] for step in steps if "from 4% to 17%" in step.what}
    assert tried == {"least fourth powers", "least squares"}


def test_the_same_model_is_not_measured_twice(tmp_path: Path) -> None:
    hub, output = network(tmp_path), tmp_path / "out.tflite"
    samples = [{"x": row} for row in DRAW.normal(size=(8, 1, 64)).astype(np.float32)]
    evidence = Evidence({})
    for sample in samples:
        evidence.update("x", sample["x"])
    convert(hub, tmp_path / "coarse.tflite", quantize="dynamic")

    def write(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
        output.write_bytes((tmp_path / "coarse.tflite").read_bytes())
        return 0

    fit = KeepFirst(samples)
    assert list(fit) == samples
    assert len(choose(FloatHub(hub), output, write, evidence, fit, lambda spans: None).steps) == 1


def test_as_many_samples_are_kept_as_there_is_room_for_them_and_the_answers() -> None:
    sample, answer = {"x": np.zeros(2**17, np.uint8)}, [np.zeros(2**23 - 2**17, np.uint8)]
    fit, alone = KeepFirst([sample] * 30), KeepFirst([sample])
    for _ in fit:
        fit.note(answer)
    assert len(fit.kept) == len(fit.answers) == FIT_BYTES // 2**23 < 30
    for _ in alone:
        alone.note([np.zeros(2 * FIT_BYTES, np.uint8)])
    assert len(alone.kept) == len(alone.answers) == 1
