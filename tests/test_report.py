"""The report: fronts as Pareto defined them, boards by what was measured there, a page that is whole and readable."""

import json
import re
import shlex
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import edgequant
from edgequant import _figures as figures
from edgequant._errors import EdgequantError
from edgequant._report import _words as words
from edgequant._report._advice import advise, find_devices
from edgequant._report._commands import Request, list_commands
from edgequant._report._fronts import beats, choose_measure, fronts
from edgequant._report._measured import collect, read_measured
from edgequant._report._page import write_report
from edgequant._report._plots import places
from edgequant._report._result import THIS_MACHINE, FamilyReport, Latency, ModelReport

pytestmark = pytest.mark.torch_export

REQUEST = Request(
    (Path("fp32.tflite"), Path("my int8.tflite")), None, "test.npy", "labels.npy", None, ("pi5",), ("pi4=b.json",),
    (1,), 3.0, True, (), "out.html",
)  # fmt: skip


def model(number, file, form, size, worths, latencies=(), float_ops=(), equal=None):
    accuracy, agreement, sqnr = worths
    ops = dict(Counter(float_ops))
    names = tuple(f"network/{op.lower()}_{n}" for n, op in enumerate(float_ops))
    return ModelReport(
        number, file, form, size, size / 800_000, f"{number}" * 64, accuracy, agreement, sqnr, equal, ops, names,
        tuple(Latency(device, "litert", 1, time) for device, time in latencies),
    )  # fmt: skip


def family(models, samples=2000, measured=(), made_by=()):
    """A report on made-up figures."""
    timed = list(dict.fromkeys(latency.device for member in models for latency in member.latencies))
    measure = choose_measure(models)
    advice = advise(find_devices(("pi-zero",), measured), measured, models)
    paths = tuple(Path(member.file) for member in models)
    request = Request(
        paths, None, "test.npy", None, None, ("pi-zero",), (), (), None, True, tuple(made_by), "report.html"
    )
    return FamilyReport(
        tuple(models), samples, measure, fronts(models, measure, timed), advice,
        summarize(models, measure, timed, samples), list_commands(request, models, measured, advice),
        {"edgequant": "0.1.0"}, ("pi4: It was busy before the start (load average 1.20).",),
    )  # fmt: skip


summarize = words.summarize
FAMILY = (
    model(1, "net_fp32.tflite", "fp32", 800_000, (0.912, 1.0, 300.0), ((THIS_MACHINE, 900.0), ("pi4", 9000.0))),
    model(2, "net_fp16.tflite", "fp16", 410_000, (0.912, 0.9995, 71.2), ((THIS_MACHINE, 905.0), ("pi4", 9050.0))),
    model(3, "net_dynamic.tflite", "dynamic", 212_000, (0.9095, 0.985, 38.4), ((THIS_MACHINE, 1400.0),)),
    model(4, "net_int8.tflite", "int8", 224_000, (0.9065, 0.974, 28.9), ((THIS_MACHINE, 310.0), ("pi4", 2700.0)),
          ("SOFTMAX", "MUL", "MUL")),
    model(5, "net_int4.tflite", "weight-int4", 120_000, (0.683, 0.71, 9.1), ((THIS_MACHINE, 880.0), ("pi4", 8800.0))),
)  # fmt: skip


def test_a_front_is_what_nothing_beats():
    rng = np.random.default_rng(0)
    for _ in range(100):
        count = int(rng.integers(1, 9))
        figures = rng.integers(1, 6, (count, 2))  # few values, so that ties are common
        models = [model(n, f"{n}", "int8", int(c), (w / 10, 1.0, 40.0)) for n, (c, w) in enumerate(figures)]
        (front,) = fronts(models, "accuracy", [])
        points = {str(n): (int(c), w / 10) for n, (c, w) in enumerate(figures)}
        nothing_beats = {f for f in points if not any(beats(points[g], points[f]) for g in points)}
        assert set(front.on) == nothing_beats
        assert set(front.beaten) == set(points) - nothing_beats
        assert all(beats(points[by], points[file]) and by in front.on for file, by in front.beaten.items())
        assert list(front.on) == sorted(front.on, key=lambda file: points[file])


def test_fronts_of_the_made_up_family():
    size, here, pi4 = family(FAMILY).fronts
    assert (size.cost, size.device) == ("bytes", None)
    assert size.on == ("net_int4.tflite", "net_dynamic.tflite", "net_fp16.tflite")
    assert size.beaten == {"net_fp32.tflite": "net_fp16.tflite", "net_int8.tflite": "net_dynamic.tflite"}
    assert here.on == pi4.on == ("net_int8.tflite", "net_fp32.tflite")
    assert (pi4.cost, pi4.device) == ("median_us", "pi4")
    assert "net_dynamic.tflite" not in {*pi4.on, *pi4.beaten}, "was not measured there"


def test_a_model_without_a_figure_is_on_no_front_and_one_latency_is_no_front():
    models = [
        model(1, "a", "fp32", 10, (None, None, 300.0)),
        model(2, "b", "int8", 5, (None, None, None), (("x", 1.0),)),
    ]
    (front,) = fronts(models, choose_measure(models), ["x"])
    assert front.on == ("a",)
    assert front.beaten == {}


def test_the_equal_ones_of_whole_numbers_are_told():
    """They count in no SQNR, which may be good where all indices are wrong."""
    models = [
        model(number, file, "int8", 10 - number, (None, None, 40.0), equal=equal)
        for number, file, equal in ((1, "a", 1.0), (2, "b", 0.3), (3, "c", 1.0))
    ]
    summary = summarize(models, "sqnr_db", [], 9)
    assert "Whole numbers, such as indices, that equal the reference's: 30.00 % of b and 100.00 % of c." in summary
    assert not any("Whole" in sentence for sentence in summarize(FAMILY, "accuracy", [], 9))


def test_outputs_that_never_vary_are_told():
    assert words.caution_of(()) == []
    (sentence,) = words.caution_of(("boxes", "scores"))
    assert sentence.startswith("The reference never varies 'boxes' and 'scores' over the samples")


def test_worth_is_accuracy_or_else_agreement_or_else_sqnr():
    def one(*worths):
        return choose_measure([model(1, "a", "fp32", 1, (1.0, 1.0, 300.0)), model(2, "b", "int8", 1, worths)])

    assert one(0.9, 0.9, 30.0) == "accuracy"
    assert one(None, 0.9, 30.0) == "agreement"
    assert one(None, None, 30.0) == "sqnr_db"


def test_worth_can_be_chosen():
    assert choose_measure(FAMILY, "sqnr_db") == "sqnr_db"
    with pytest.raises(EdgequantError, match="accuracy is not known"):
        choose_measure([model(1, "a", "fp32", 1, (None, 1.0, 300.0))], "accuracy")


def test_sentences_of_a_front():
    report = family(FAMILY)
    assert words.front_title(report.fronts[2], "accuracy") == "Latency on pi4 against accuracy"
    assert words.front_sentences(report, report.fronts[0]) == [
        "On the front, the smaller first: net_int4.tflite (120 KB, 68.30 %), net_dynamic.tflite (212 KB, 90.95 %) and "
        "net_fp16.tflite (410 KB, 91.20 %).",
        "net_fp32.tflite is beaten by net_fp16.tflite: 410 KB against 800 KB, both 91.20 %.",
        "net_int8.tflite is beaten by net_dynamic.tflite: 212 KB against 224 KB, 90.95 % against 90.65 %.",
    ]


def test_the_summary_names_the_smallest_and_the_fastest_that_keep_up():
    assert family(FAMILY).summary == (
        "Smallest with accuracy within one point of the reference's: net_dynamic.tflite, 0.27 of the reference's "
        "bytes, 90.95 %.",
        "Fastest here of those: net_int8.tflite, 310 µs, 2.9 times as fast as the reference, 90.65 %.",
        "Fastest on pi4 of those: net_int8.tflite, 2.7 ms, 3.3 times as fast as the reference, 90.65 %.",
        "Not among them: net_int4.tflite.",
        "One sample of the 2,000 is 0.05 points; do not choose by less than a few samples.",
    )
    (only, _) = family((FAMILY[0], FAMILY[4])).summary
    assert only.startswith("No file but the reference has accuracy within one point")
    assert "doctor" in only


def test_the_reference_can_be_the_fastest():
    summary = family((FAMILY[0], FAMILY[1])).summary
    assert summary[1] == "Fastest here of those: net_fp32.tflite, 900 µs, the reference itself, 91.20 %."


def test_one_point_is_still_within_one_point():
    at = [model(1, "a", "fp32", 2, (0.98, 1.0, 300.0)), model(2, "b", "int8", 1, (0.97, 1.0, 40.0))]
    assert words.keeps_up(at[1], at[0], "accuracy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figures.size(999), "999 bytes"), (figures.size(70_624), "70.6 KB"), (figures.size(3_782_604), "3.78 MB"),
        (figures.time(7.678), "7.68 µs"), (figures.time(1430), "1.43 ms"), (figures.time(2.5e6), "2.5 s"),
        (figures.decibels(300.0), "exact"), (figures.decibels(None), "n/a"), (figures.percent(0.98), "98.00 %"),
    ],
)  # fmt: skip
def test_figures_as_text(text, expected):
    assert text == expected


def test_what_stays_float_in_words():
    assert words.stays_float(FAMILY[3]) == "1 x SOFTMAX, 2 x MUL"
    assert words.stays_float(model(1, "a", "int8", 1, (1, 1, 1))) == "nothing"
    assert words.stays_float(FAMILY[0]) == "everything: nothing is quantized"


def test_what_is_exact_is_drawn_above_the_others():
    models = [model(n, m.file, m.format, m.bytes, (None, None, m.sqnr_db)) for n, m in enumerate(FAMILY, 1)]
    report = family(models)
    drawn = places(report, report.fronts[0])
    assert drawn["net_fp32.tflite"] == (800, pytest.approx(77.2))
    assert drawn["net_fp16.tflite"] == (410, 71.2)


def result(file, form, median, threads=1, engine="litert"):
    return {"model": file, "format": form, "engine": engine, "threads": threads, "median_us": median}


def written(path, *results):
    path.write_text(json.dumps({"results": results}))
    return path


def test_measurements_are_matched_by_file_name(tmp_path):
    path = written(
        tmp_path / "pi4.json", result("/home/pi/a.tflite", "fp32", 500, 1), result("C:\\x\\a.tflite", "fp32", 300, 4),
        result("other.tflite", "int8", 1),
    )  # fmt: skip
    (found,) = read_measured([path], ["a.tflite", "b.tflite"])
    assert found.latency("a.tflite") == Latency("pi4", "litert", 4, 300.0)
    assert found.latency("b.tflite") is None
    assert found.by_format() == {("fp32", "litert"): 300.0}, "other networks have no say"
    (named,) = read_measured([f"attic={path}"], ["a.tflite"])
    assert named.device == "attic"


def test_measurements_that_cannot_be_used(tmp_path):
    path = written(tmp_path / "pi4.json", result("a.tflite", "fp32", 500))
    with pytest.raises(EdgequantError, match=r"measured none of b\.tflite"):
        read_measured([path], ["b.tflite"])
    odd = written(tmp_path / "odd.json", *(result("a.tflite", "fp32", 9, n) for n in (1, "x", [2], None, True)))
    odd.write_bytes(odd.read_text().encode("utf-16"))
    assert [found["threads"] for found in read_measured([odd], ["a.tflite"])[0].results["a.tflite"]] == [1] + [None] * 4
    with pytest.raises(EdgequantError, match="Two measurements are named 'pi4'"):
        read_measured([path, path], ["a.tflite"])
    with pytest.raises(EdgequantError, match=f"Two measurements are named '{THIS_MACHINE}'"):
        read_measured([f"{THIS_MACHINE}={path}"], ["a.tflite"])
    with pytest.raises(edgequant.DeviceCheckError, match="no results"):
        read_measured([f"x={written(tmp_path / 'empty.json')}"], ["a.tflite"])


def test_a_measurement_under_a_boards_name_decides_for_it():
    slow_int8 = [result("net_fp32.tflite", "fp32", 100), result("net_int8.tflite", "int8", 900)]
    measured = [collect(name, Path("x.json"), slow_int8, [m.file for m in FAMILY]) for name in ("pi4", "attic")]
    devices = find_devices(["pi-zero"], measured)
    assert list(devices) == [THIS_MACHINE, "pi-zero", "pi4"], "attic is no board"
    advice = {one.name: one for one in advise(devices, measured, FAMILY)}
    assert (advice["pi4"].format, advice["pi4"].measured, advice["pi4"].files) == ("fp32", True, ("net_fp32.tflite",))
    assert not advice["pi-zero"].measured
    with pytest.raises(edgequant.DeviceCheckError, match="no board 'attic'"):
        find_devices(["attic"], measured)


def test_the_commands_can_be_given_as_they_are():
    measured = [collect("pi4", Path("b.json"), [result("fp32.tflite", "fp32", 9, 4)], ["fp32.tflite"])]
    models = [model(1, "fp32.tflite", "fp32", 2, (1, 1, 300.0)), model(2, "my int8.tflite", "int8", 1, (1, 1, 30.0))]
    advice = advise(find_devices(("pi5",), measured), measured, models)
    given = [shlex.split(command) for _, command in list_commands(REQUEST, models, measured, advice)]
    assert {words.pop(0) for words in given} == {"edgequant"}
    on_data = ["--data", "test.npy", "--labels", "labels.npy"]
    assert given == [
        ["convert", "fp32.tflite", "-o", "my int8.tflite", "--quantize", "int8", "--calibration", "SAMPLES.npy"],
        ["compare", "fp32.tflite", "my int8.tflite", *on_data],
        ["bench", "fp32.tflite", "my int8.tflite", "--threads", "1", "--seconds", "3"],
        ["bench", "fp32.tflite", "--engine", "litert", "--threads", "4", "--json", ">", "b.json"],
        ["check", "--board", "pi5"],
        ["check", "--board", "pi4", "--measured", "b.json"],
        ["check"],
        ["report", "fp32.tflite", "my int8.tflite", *on_data, "--board", "pi5",
         "--measured", "pi4=b.json", "--threads", "1", "--seconds", "3", "-o", "out.html"],
    ]  # fmt: skip
    made = list_commands(
        Request(**{f: getattr(REQUEST, f) for f in REQUEST.__slots__} | {"made_by": ("make all",)}), models, (), ()
    )
    assert made[0] == ("Make the files", "make all")
    assert "--made-by 'make all'" in made[-1][1]


class Outline(HTMLParser):
    """Headings, ids, links, and every table with its parts."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.ids, self.targets, self.tables, self.regions, self.bare_headers = [], [], [], [], [], 0
        self.tags = Counter()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags[tag] += 1
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.targets.append(given["href"])
        if tag == "th" and "scope" not in given:
            self.bare_headers += 1
        if given.get("class") == "scroll":
            self.regions.append((given.get("tabindex"), given.get("role"), bool(given.get("aria-label"))))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, family(FAMILY))
    return path


def test_the_page_needs_nothing_else(page):
    text = page.read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "names of XML, not requests"
    assert not re.search(r"<(script|iframe|object|embed|link rel=.stylesheet)|@import", text)
    assert all(target.startswith(("data:", "#")) for target in re.findall(r"(?:src|href)=\"([^\"]*)\"", text))


def test_the_page_can_be_read_without_eyes_or_mouse(page):
    text = page.read_text(encoding="utf-8")
    outline = Outline(text)
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert outline.targets[0] == "#content", "the first stop of the Tab key skips the list of sections"
    assert {target[1:] for target in outline.targets} <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.tags["table"] == outline.tags["caption"] == len(outline.regions) == 3
    assert set(outline.regions) == {("0", "region", True)}
    assert outline.bare_headers == 0
    assert text.count('role="img" aria-label="') == outline.tags["svg"] == 3
    assert 'aria-label="Size against accuracy. On the front, the smaller first: net_int4.tflite (120 KB' in text
    assert '<html lang="en">' in text


def luminance(colour):
    parts = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("dark", [False, True])
def test_colours_have_contrast(page, dark):
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text.
    schemes = re.findall(r":root \{(.*?)\}", page.read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", schemes[dark]))
    for text in ("ink", "muted", "bad", "reference"):
        for ground in ("page", "soft") if text in ("ink", "muted") else ("page",):
            light, deep = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (deep + 0.05) >= 4.5, (text, ground)


def test_the_page_shows_every_figure(page):
    text = page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    for figure in ("224,000", "0.28", "90.65 %", "97.40 %", "28.9 dB", "310 µs", "2.7 ms", "1 x SOFTMAX, 2 x MUL"):
        assert figure in text, figure
    for sentence in family(FAMILY).summary:
        assert sentence.replace("'", "&#39;") in text
    assert "network/softmax_0" in text
    assert "None of these files is that" in text or "Here: " in text
    assert not re.search(r"\bNone\b(?! of)|nan\b", text)
    assert text.count("<dt>") == len(family(FAMILY).commands)


def test_names_are_text_on_the_page(tmp_path):
    name = "<b>&\"'$x_1$.tflite"
    write_report(tmp_path / "x.html", family([model(1, name, "fp32", 9, (1.0, 1.0, 300.0)), FAMILY[3]]))
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;&#34;&#39;$x_1$.tflite" in text


def test_the_page_is_the_same_each_time(page, tmp_path):
    write_report(tmp_path / "again.html", family(FAMILY))
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_opens_in_chromium_without_errors_or_requests(page, open_in_chromium, width):
    assert open_in_chromium(page, width) == ([], [])


@pytest.fixture(scope="module")
def measured_digits(digits, tmp_path_factory):
    """The digits' network in three files, with its images and labels, and what a board would have measured."""
    from edgequant_converters import convert

    folder = tmp_path_factory.mktemp("measured digits")
    for name in ("fp32.tflite", "int8.tflite", "test.npy", "labels.npy"):
        shutil.copyfile(digits / name, folder / name)
    convert(folder / "fp32.tflite", folder / "mixed.tflite", quantize="int8", calibration=folder / "test.npy",
            keep_float="MAX_POOL")  # fmt: skip
    written(folder / "pi4.json", result("int8.tflite", "int8", 90), result("fp32.tflite", "fp32", 240))
    return folder


def test_a_real_run(measured_digits, cli, open_in_chromium):
    files = [measured_digits / f"{name}.tflite" for name in ("fp32", "int8", "mixed")]
    options = ["--data", measured_digits / "test.npy", "--labels", measured_digits / "labels.npy", "--board", "pi-zero"]
    options += ["--measured", measured_digits / "pi4.json", "--seconds", "0.3", "-o", measured_digits / "report.html"]
    ran = cli("report", *files, *options, "--json")
    assert ran.exit_code == 0, ran.stderr
    document = json.loads(ran.stdout)
    reference, int8, mixed = document["models"]
    compared = edgequant.compare(*files[:2], measured_digits / "test.npy", labels=measured_digits / "labels.npy")
    assert int8["bytes"] == files[1].stat().st_size
    assert int8["ratio"] == int8["bytes"] / reference["bytes"]
    assert (reference["accuracy"], int8["accuracy"]) == (compared.accuracy.reference, compared.accuracy.model)
    assert int8["accuracy"] > reference["accuracy"] - 0.02
    assert int8["sqnr_db"] == compared.outputs[0].sqnr_db
    assert (reference["sqnr_db"], reference["agreement"]) == (300.0, 1.0)
    assert (int8["float_ops"], mixed["float_ops"]) == ({}, {"MAX_POOL_2D": 2})
    assert [latency["device"] for latency in int8["latencies"]] == [THIS_MACHINE, "pi4"]
    assert [latency["device"] for latency in mixed["latencies"]] == [THIS_MACHINE]
    assert [front["device"] for front in document["fronts"]] == [None, THIS_MACHINE, "pi4"]
    assert [device["name"] for device in document["devices"]] == [THIS_MACHINE, "pi-zero", "pi4"]
    assert document["devices"][2]["measured"]
    assert open_in_chromium(measured_digits / "report.html", 500) == ([], [])
    docs = Path(__file__).parent.parent.joinpath("docs", "report.md").read_text(encoding="utf-8")
    keys = [*document] + [
        f"{part}[].{key}" for part in ("models", "fronts", "devices", "commands") for key in document[part][0]
    ]
    for key in keys:
        assert f"`{key}`" in docs or f"`{key}[]." in docs or f"`{key}[]`" in docs, key


def test_the_command_on_the_page_makes_the_page(measured_digits, cli, monkeypatch):
    monkeypatch.chdir(measured_digits)
    call = ("report", "fp32.tflite", "int8.tflite", "--data", "test.npy", "--no-bench", "--worth", "sqnr_db", "-o",
            "a page.html")  # fmt: skip
    document = json.loads(cli(*call, "--json").stdout)
    first = Path("a page.html").read_bytes()
    Path("a page.html").unlink()
    program, *again = shlex.split(document["commands"][-1]["command"])
    assert program == "edgequant"
    ran = cli(*again)
    assert ran.exit_code == 0
    assert "agreement" in ran.stdout
    assert Path("a page.html").read_bytes() == first
    assert document["measure"] == "sqnr_db"
    assert document["fronts"][0]["on"] == ["int8.tflite", "fp32.tflite"]
    assert all(not found["latencies"] for found in document["models"])


def test_what_cannot_be_reported_is_said_in_a_sentence(measured_digits, cli, tmp_path):
    (tmp_path / "fp32.tflite").write_bytes((measured_digits / "fp32.tflite").read_bytes())
    data = ("--data", measured_digits / "test.npy", "--no-bench", "-o", tmp_path / "x.html")
    twice = cli("report", measured_digits / "fp32.tflite", tmp_path / "fp32.tflite", *data)
    assert twice.exit_code == 2
    assert "Two of the models are named fp32.tflite" in twice.stderr
    for extra in (("--board", "pi99"), ("--measured", "nothing.json"), ("--labels", measured_digits / "test.npy")):
        failed = cli("report", measured_digits / "fp32.tflite", measured_digits / "int8.tflite", *data, *extra)
        assert failed.exit_code == 2
        assert failed.stderr.startswith("error: ")
        assert "Traceback" not in failed.stderr
    assert not (tmp_path / "x.html").exists()
    with pytest.raises(EdgequantError, match="read only once"):
        edgequant.report(
            measured_digits / "fp32.tflite",
            [measured_digits / "int8.tflite"],
            iter(np.load(measured_digits / "test.npy")),
        )
    with pytest.raises(EdgequantError, match="one model or more"):
        edgequant.report(measured_digits / "fp32.tflite", [], measured_digits / "test.npy")
