"""What people read of the device, the latency and the memory, the same on a terminal and on the page."""

from ._result import Latency, SmokeResult, threads_in_words

EMULATED = "not meaningful under emulation"


def device_facts(result: SmokeResult) -> list[tuple[str, str]]:
    """Return names and values; what is not known is left out."""
    device, probe, manifest = result.device, result.probe, result.manifest
    facts = [("bundle", result.name), ("sha256", result.digest or "")]
    if manifest is not None:
        facts.append(("made for", f"{manifest.target}, by edgequant {manifest.edgequant}"))
    if device is not None:
        facts.append(("device", ", ".join(dict.fromkeys(part for part in (device.model, device.core_names) if part))))
        system = (
            device.programs,
            device.os,
            device.kernel and f"kernel {device.kernel}",
        )
        facts.append(("system", ", ".join(part for part in system if part)))
    if probe is not None and "cpu" in probe:
        facts.append(("arithmetic", ", ".join(map(str, probe["cpu"]["features"])) or "the family's own"))
    elif probe is not None:
        facts.append(("engine", f"{probe['engine']} {probe['version']} in Python {probe['python']}"))
    kernels = dict.fromkeys(run.kernels for golden in result.goldens for run in golden.runs)
    if manifest is not None and manifest.runner is not None:
        ran = f", {' and '.join(kernels)} kernels" if kernels else ""
        facts.append(("runner", f"edgequant-run {manifest.runner.version} for {manifest.runner.family}{ran}"))
    return [(name, value) for name, value in facts if value]


def latency_facts(result: SmokeResult) -> list[tuple[str, str]]:
    """Return latency, memory and load; under emulation that they mean nothing, and no figure."""
    if not result.latencies:
        return []
    if result.is_emulated:
        return [("latency", EMULATED), ("memory", EMULATED)]
    facts = [("latency", "; ".join(map(_latency, result.latencies)))]
    peak = (result.memory or {}).get("peak_of_process")
    if peak:
        facts.append(("memory", f"{peak / 2**20:,.1f} MiB at the peak of the process"))
    if result.load is not None:
        facts.append(("load", f"{result.load:g} on average in the minute before"))
    return facts


def _latency(latency: Latency) -> str:
    runs = f"{latency.runs} run{'s' * (latency.runs != 1)}"
    return (
        f"median {_time(latency.median_us)}, least {_time(latency.min_us)} with {threads_in_words([latency.threads])} "
        f"({runs})"
    )


def _time(microseconds: float) -> str:
    return f"{microseconds / 1000:,.1f} ms" if microseconds >= 10_000 else f"{microseconds:,.1f} µs"
