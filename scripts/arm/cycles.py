"""Estimates the cycles of counted blocks of code: each block's executions times its cycles by llvm-mca.

The model knows a core's pipelines and latencies. It knows no cache misses and no mispredicted branches, and takes each
block as if it were repeated: a lower bound, which treats all engines alike. `cortex-a72` has LLVM's model of the A57,
whose pipelines it shares, `cortex-a76` that of the Neoverse N1, its sibling.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .debian import require

MODELS = {"cortex-a72": "cortex-a72", "cortex-a76": "neoverse-n1", "cortex-a53": "cortex-a53"}
FEATURES = "-mattr=+v8.6a,+fullfp16,+dotprod,+i8mm,+bf16"
VERSION = "19"
ITERATIONS = 50
COVERED = 0.985  # of the instructions: the rest, thousands of blocks that hardly ran, takes as long for each
MOST_BLOCKS = 400
GROUP = 20  # blocks a call
_BRANCH = re.compile(r"(b|bl|b\.\w+|cbn?z|tbn?z|adrp?|bc\.\w+)\s")
_OUTSIDE = re.compile(r"(adr|adrp|mrs|msr|svc|ldx|stx|ldax|stlx|dc|isb|dmb|hint|brk)\b")


@dataclass(frozen=True)
class Block:
    """A block of code that ran `executions` times; a time takes `cycles`, at best `bound`, set by `resource`."""

    code: str
    executions: float
    cycles: float
    bound: float
    resource: str

    @property
    def instructions(self) -> int:
        """How many it has."""
        return len(self.code) // 8


@dataclass(frozen=True)
class Estimate:
    """Cycles of one inference; `bound` is what the busiest resource of each block needs; the costliest blocks first."""

    instructions: float
    cycles: float
    bound: float
    blocks: tuple[Block, ...]


def estimate(dump: Path, cpu: str, repetitions: int, cache: Path) -> Estimate:
    """Read what the plugin wrote; `cache` is a folder where blocks that are known are kept."""
    require({f"llvm-mca-{VERSION}": f"llvm-{VERSION}", f"llvm-mc-{VERSION}": f"llvm-{VERSION}"})
    executions: Counter[str] = Counter()
    for line in dump.read_text().splitlines():
        count, code = line.split()
        executions[code] += int(count)
    total = sum(count * len(code) // 8 for code, count in executions.items())
    chosen, covered = [], 0
    for code, count in sorted(executions.items(), key=lambda item: -item[1] * len(item[0]))[:MOST_BLOCKS]:
        chosen.append(code)
        covered += count * len(code) // 8
        if covered > COVERED * total:
            break
    known = _analysed(chosen, cpu, cache / f"cycles-{cpu}.json")
    blocks = [Block(code, executions[code] / repetitions, *known[code]) for code in chosen]
    blocks.sort(key=lambda block: -block.executions * block.cycles)
    rest = total / covered
    return Estimate(
        total / repetitions,
        rest * sum(block.executions * block.cycles for block in blocks),
        rest * sum(block.executions * block.bound for block in blocks),
        tuple(blocks),
    )


def assembly(code: str) -> list[str]:
    """Disassemble a block."""
    words = [int(code[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(code), 8)]
    text = " ".join(f"0x{byte:02x}" for word in words for byte in word)
    command = [
        f"llvm-mc-{VERSION}",
        "-triple=aarch64",
        "-mattr=+v8.6a,+fullfp16,+dotprod,+i8mm,+bf16,+sve",
        "-disassemble",
    ]
    lines = subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout.splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.strip().startswith(".")]


def _analysed(codes: list[str], cpu: str, path: Path) -> dict[str, list[Any]]:
    known: dict[str, list[Any]] = json.loads(path.read_text()) if path.exists() else {}
    missing = [code for code in codes if code not in known]
    for at in range(0, len(missing), GROUP):
        group = missing[at : at + GROUP]
        found = _throughputs(group, cpu)
        for code in group:
            known[code] = found.get(code) or _throughputs([code], cpu).get(code) or _unknown(code)
    if missing:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(known))
        new.replace(path)
    return known


def _unknown(code: str) -> list[Any]:
    """Guess for a block that llvm-mca does not take: two instructions a cycle, three at best."""
    print(f"llvm-mca refuses a block: {'; '.join(assembly(code))[:200]}", file=sys.stderr)
    count = len(code) // 8
    return [count / 2, count / 3, "unknown"]


def _throughputs(codes: list[str], cpu: str) -> dict[str, list[Any]]:
    """Return cycles, least cycles and the busiest resource of blocks; nothing if one of them is refused."""
    regions = []
    for number, code in enumerate(codes):
        lines = ["nop" if _OUTSIDE.match(line) else _placed(line) for line in assembly(code)]
        regions.append("\n".join([f"# LLVM-MCA-BEGIN b{number}", *lines, f"# LLVM-MCA-END b{number}\n"]))
    command = [f"llvm-mca-{VERSION}", "-mtriple=aarch64", FEATURES, f"-mcpu={MODELS[cpu]}", f"-iterations={ITERATIONS}"]
    result = subprocess.run([*command, "-json"], input="".join(regions), capture_output=True, text=True, check=False)
    if result.returncode or not result.stdout:
        return {}
    report = json.loads(result.stdout)
    names = report["TargetInfo"]["Resources"]
    by_number = {region["Name"]: _reading(region, names) for region in report["CodeRegions"]}
    return {code: by_number[f"b{number}"] for number, code in enumerate(codes) if f"b{number}" in by_number}


def _placed(line: str) -> str:
    """Return a branch without its distance, which would be that of another place."""
    return re.sub(r"#-?\d+$|#0x[0-9a-f]+$", ".", line) if _BRANCH.match(line) else line


def _reading(region: dict[str, Any], names: list[str]) -> list[Any]:
    summary, usage = region["SummaryView"], Counter[str]()
    count = len(region["Instructions"])
    for entry in region["ResourcePressureView"]["ResourcePressureInfo"]:
        if entry["InstructionIndex"] == count:  # the sum over the block
            usage[names[entry["ResourceIndex"]]] += entry["ResourceUsage"]
    busiest = usage.most_common(1)[0] if usage else ("nothing", 0.0)
    cycles, bound = summary["TotalCycles"] / ITERATIONS, float(summary["BlockRThroughput"])
    binds = busiest[0] if busiest[1] >= 0.85 * cycles else "latency" if cycles > 1.15 * bound else "dispatch"
    return [cycles, bound, binds]
