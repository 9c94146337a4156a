"""The report as a page."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgequant import _figures as figures
from edgequant._pages import Image, write_page

from . import _words as words
from ._plots import draw_front
from ._result import THIS_MACHINE, DeviceAdvice, FamilyReport

NAMES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Panel:
    """A front: its heading, its picture and its sentences."""

    title: str
    picture: Image
    sentences: list[str]


def write_report(path: Path, report: FamilyReport) -> None:
    """Write the page in one step; raises OutputError."""
    panels = []
    for front in (front for front in report.fronts if front.on):
        sentences = words.front_sentences(report, front)
        title = words.front_title(front, report.measure)
        panels.append(Panel(title, draw_front(report, front, f"{title}. {' '.join(sentences)}"), sentences))
    timed = list(dict.fromkeys(latency.device for model in report.models for latency in model.latencies))
    values = {
        "report": report,
        "panels": panels,
        "timed": timed,
        "title": f"{report.reference.file} and {_others(len(report.models) - 1)}",
        "here": THIS_MACHINE,
        "names_shown": NAMES_SHOWN,
        "advice": {device.name: _file_advice(report, device) for device in report.devices},
    }
    filters: dict[str, Callable[..., str]] = {
        "time": figures.time, "size": figures.size, "percent": figures.percent, "decibels": figures.decibels,
        "stays_float": words.stays_float, "unbroken": _unbroken,
    }  # fmt: skip
    write_page(path, __package__, values, filters)


def _unbroken(sentence: str) -> str:
    """Keep figures and their units on one line."""
    return re.sub(r"(?<=\d) (?=%|dB|µs|ms|s\b|KB|MB|bytes)", "\N{NO-BREAK SPACE}", sentence)


def _others(count: int) -> str:
    return f"{count} model{'s' * (count != 1)} made of it"


def _file_advice(report: FamilyReport, device: DeviceAdvice) -> str:
    """Say which file of the family the advice means, and what it costs in worth."""
    if not device.files:
        return f"None of these files is that: 'edgequant convert --quantize {device.format}' makes one."
    parts = []
    for file in device.files:
        model = report.model(file)
        kept = words.keeps_up(model, report.reference, report.measure)
        warning = "" if kept else ", which falls short of the reference: see 'edgequant doctor'"
        parts.append(f"{file} ({words.worth(model.worth(report.measure), report.measure)}{warning})")
    return f"Here: {words.in_words(parts)}."
