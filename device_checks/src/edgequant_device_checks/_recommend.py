"""Chooses a format and an engine for a device: by rule, unless a measurement says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._device import Device
from ._foreign import title_of
from ._measurements import Measurements
from ._rules import FORMATS, RULES, Rule
from ._wheels import ENGINE_PACKAGES, NATIVE, WHEELS, WheelStatus, wheel_for_engine, wheels_for


@dataclass(frozen=True)
class Recommendation:
    """What to convert to and what to run it with, and why.

    `format` is a value of `edgequant convert --quantize`; `engine` is `native`, `litert`, `onnxruntime`, or None
    where no engine can be installed. `reasons` are sentences with their source in brackets; `why_not` has one for every
    other format. `rule` names the class of devices, and `measured` tells whether measurements decided.
    """

    format: str
    engine: str | None
    reasons: tuple[str, ...]
    why_not: Mapping[str, str] = field(hash=False)
    rule: str
    measured: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {**vars(self), "reasons": list(self.reasons), "why_not": dict(self.why_not)}


def recommend(device: Device, measurements: Measurements | None = None) -> Recommendation:
    """Recommend a format and an engine for a device.

    `measurements` are median latencies in microseconds of one network on that device, by (format, engine). If the
    format that the rule names is among them and another was faster, the measurement decides; without that format
    there is nothing to compare.
    """
    return _by_measurement(device, measurements) if measurements else _by_rule(device)


def rule_for(device: Device) -> Rule:
    """Return the first rule that holds for a device; the last holds for all."""
    features = frozenset(device.features)
    return next(rule for rule in RULES if rule.condition.holds(device.architecture, features))


def _by_rule(device: Device) -> Recommendation:
    """Recommend for each reading of a device; for two, the first one's with a sentence on what the second changes."""
    first, *others = [_of_reading(reading) for reading in device.readings]
    told = [_changes(first, other, reading) for other, reading in zip(others, device.readings[1:])]
    return replace(first, reasons=(*first.reasons, *told))


def _of_reading(device: Device) -> Recommendation:
    rule = rule_for(device)
    engine, about_engine = _choose_engine(device, rule)
    reasons = (*map(str, rule.reasons), *about_engine)
    return Recommendation(
        rule.format, engine, reasons, {name: rule.why_not[name] for name in _others(rule.format)}, rule.name
    )


def _changes(first: Recommendation, other: Recommendation, reading: Device) -> str:
    """Say what another word size than the one that was gone by would change."""
    taken = f"{other.format} with {other.engine}" if other.engine else f"{other.format}, for which no engine installs"
    condition = f"If its programs are {reading.word_size}-bit ({reading.architecture}), which is not told,"
    if (first.format, first.engine) == (other.format, other.engine):
        sentence = f"{condition} it is {taken} all the same."
    else:
        sentence = f"{condition} this does not hold: take {taken}."
    return " ".join([sentence, *_wider_system(reading)])


def _others(chosen: str) -> list[str]:
    return [name for name in FORMATS if name != chosen]


def _choose_engine(device: Device, rule: Rule) -> tuple[str | None, list[str]]:
    """Return the best engine that installs on a device, and sentences about it."""
    wheels = [(engine, wheel_for_engine(engine, device)) for engine in rule.engines]
    for engine, wheel in wheels:
        if wheel.installs is not False:
            return engine, _about_choice(engine, wheel, device)
    refusals = "; ".join(f"{wheel.package}: {wheel.reason}" for _, wheel in wheels)
    return None, [f"No engine of this release installs here today ({refusals}). [table of wheels]", *_ways_out(device)]


def _about_choice(engine: str, wheel: WheelStatus, device: Device) -> list[str]:
    """Return sentences that say which package brings the engine."""
    best = ENGINE_PACKAGES[engine][0]
    if wheel.package == best:
        verb = "installs" if wheel.installs else "should install"
        installs = f"{engine} {verb} here: {wheel.package} {wheel.version} {wheel.reason}. [table of wheels]"
        return [installs, *(_about_native(device) if engine == NATIVE else [])]
    missing = next(status for status in wheels_for(device) if status.package == best)
    return [
        f"{engine} installs here through {wheel.package} {wheel.version}, an older package that is no longer made and "
        f"wants numpy below 2: it {wheel.reason}; {best}: {missing.reason}. [table of wheels]",
        *_wider_system(device),
    ]


def _about_native(device: Device) -> list[str]:
    return [
        "The native engine gives the same bits on every processor: a result made on the workstation can be checked on "
        "the board by its hash. [docs/native.md]",
        *_wider_system(device),
    ]


def _wider_system(device: Device) -> list[str]:
    """Advise a 64-bit system for a 64-bit core that runs a 32-bit one."""
    wide = next((cluster.core for cluster in device.clusters if cluster.core and cluster.core.is_64bit), None)
    if wide is None or device.word_size == 64:
        return []
    return [
        f"Install a 64-bit system: the {wide.name} is a 64-bit core, for which every engine has wheels and the native "
        "one its faster kernels."
    ]


def _ways_out(device: Device) -> list[str]:
    """Return what can be done where no engine installs."""
    title = title_of(device.architecture)
    if title:
        return [
            f"There is nothing ready-made for {title}: boards, wheels and edgequant-run are for ARM and x86-64. The "
            "native engine is plain C11 with CMake files, but nobody has tried it there. [runtime/csrc]"
        ]
    if not any(wheel.architecture == device.architecture for wheel in WHEELS):
        return []
    return [
        "Take another Python or a newer system, or run .tflite models with the program edgequant-run, which needs no "
        "Python."
    ]


def _by_measurement(device: Device, measurements: Measurements) -> Recommendation:
    rule = rule_for(device)
    ranked = sorted(measurements.items(), key=lambda item: item[1])
    figures = ", ".join(f"{form} with {engine} {_microseconds(median)}" for (form, engine), median in ranked)
    of_rule = [(median, engine) for (form, engine), median in ranked if form == rule.format]
    by_rule = _by_rule(device)
    if not of_rule:
        unmeasured = (
            f"{rule.format} itself was not measured (only {figures}), so there is nothing to hold against the rule."
        )
        return replace(by_rule, reasons=(*by_rule.reasons, unmeasured))
    (chosen, engine), least = ranked[0]
    verdict = f"Measured median latencies decide: {figures}. [measurement]"
    if chosen == rule.format:
        context = f"The rule for {rule.title} says {rule.format} too."
    else:
        context = f"The rule for {rule.title} says {rule.format}: the measurement outvotes it."
    slower = {
        form: f"measured: {_microseconds(median)} with {other}, {median / least:.2g} times the "
        f"{_microseconds(least)} of {chosen}."
        for (form, other), median in ranked[::-1]
    }
    why_not = {name: slower.get(name) or by_rule.why_not[name] for name in _others(chosen)}
    return Recommendation(chosen, engine, (verdict, context), why_not, rule.name, measured=True)


def _microseconds(latency: float) -> str:
    return f"{latency:,.0f} µs" if latency >= 100 else f"{latency:.3g} µs"
