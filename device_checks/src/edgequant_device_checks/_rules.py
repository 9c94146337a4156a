"""Which number format and engine suit which class of device: the rules, with the evidence for each.

The first rule whose condition holds decides. A rule is a guess from what others published; a measurement on the device
outvotes it (see `_recommend`). To add an engine, name it in `engines` of the rules where it is the better one, and its
wheel in `_wheels.ENGINE_PACKAGES`.

MAC/cycle are multiply-accumulates per cycle and core: the width of the vector unit, of which real models reach a part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._wheels import LITERT, NATIVE, ONNXRUNTIME

FORMATS = ("fp32", "fp16", "bf16", "dynamic", "int8", "int16x8", "weight-int8", "weight-int4")


@dataclass(frozen=True)
class Reason:
    """One sentence, and where it can be checked."""

    sentence: str
    source: str

    def __str__(self) -> str:
        return f"{self.sentence} [{self.source}]"


@dataclass(frozen=True)
class Condition:
    """Holds for programs of one of `architectures` (any if empty), on a CPU with and without the named tokens."""

    architectures: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def holds(self, architecture: str, features: frozenset[str]) -> bool:
        """Tell whether it holds for an architecture and its feature tokens."""
        return (
            (not self.architectures or architecture in self.architectures)
            and features.issuperset(self.has)
            and features.isdisjoint(self.lacks)
        )


@dataclass(frozen=True)
class Rule:
    """What to take on a class of devices: a format, engines from best to worst, why, and why not each other format."""

    name: str
    title: str
    condition: Condition
    format: str
    engines: tuple[str, ...]
    reasons: tuple[Reason, ...]
    why_not: Mapping[str, str] = field(hash=False)


_INT8_ENGINES = (NATIVE, LITERT, ONNXRUNTIME)
_FLOAT_ENGINES = (LITERT, ONNXRUNTIME)

_XNNPACK_PI3 = Reason(
    "XNNPACK on a Pi 3B+ took 77 ms in int8 against 134 ms in fp32 for MobileNetV1, and 71 against 96 ms for V2.",
    "published by XNNPACK",
)
_NCNN_PI4 = Reason("ncnn on a Pi 4 took 40 ms in int8 against 72 ms in fp32 for a MobileNet.", "published by ncnn")
_ARMNN_PI4 = Reason(
    "Against it stands ArmNN, which was twice as slow in int8 on a Pi 4: the engine matters, so measure where you can.",
    "ARM-software/armnn#511",
)
_ORT_DOTPROD = Reason("In ONNX Runtime int8 made some models 4 times as fast.", "microsoft/onnxruntime#6916")
_SIGNED = Reason(
    "Take signed int8 with per-channel weights: unsigned activations with signed weights were scalar code in ONNX "
    "Runtime on 64-bit ARM until mid-2026.",
    "ONNX Runtime's own changes",
)

_COMMON_WHY_NOT = {
    "fp32": "four times the bytes of int8, and fewer multiply-accumulates a cycle.",
    "bf16": "there is no bf16 arithmetic here (no token bf16): it halves a file, computed in fp32; LiteRT has no bf16.",
    "dynamic": "activations stay float between layers; it suits nets of fully-connected layers. "
    "An ONNX file leaves convolutions in float: ConvInteger is slow or missing (microsoft/onnxruntime#15888).",
    "int16x8": "for nets that lose too much accuracy in int8; nobody published that it is fast.",
    "weight-int8": "a smaller file, but the arithmetic stays float.",
    "weight-int4": "the smallest file, but the arithmetic stays float and small convolutional nets lose their accuracy "
    "(measured on resnet8: SQNR -2.6 dB).",
}


def _why_not(**others: str) -> Mapping[str, str]:
    """Return the common reasons against each format but int8, with those of this class in their place."""
    return {**_COMMON_WHY_NOT, **others}


RULES = (
    Rule(
        "armv6",
        "ARMv6, no SIMD (Raspberry Pi 1, Zero, Zero W)",
        Condition(architectures=("armv6l",)),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "The core has no vector unit; integer multiplies reach about 2 MAC/cycle in int8.",
                "table of boards: ARM1176",
            ),
            Reason(
                "A model in int8 is a quarter of the bytes, which counts with 512 MB and 16 KB caches.",
                "table of boards",
            ),
        ),
        _why_not(
            fp32="four times the bytes of int8 on a core without a vector unit.",
            fp16="the core has no fp16 arithmetic: every value is first widened to fp32.",
            bf16="the core has no bf16 arithmetic: every value is first widened to fp32.",
        ),
    ),
    Rule(
        "armv7",
        "32-bit ARM with NEON (ARMv7, or a 32-bit system on a 64-bit core)",
        Condition(architectures=("armv7l",)),
        "int8",
        _INT8_ENGINES,
        (
            _XNNPACK_PI3,
            Reason(
                "NEON multiplies eight int8 values at once against four in fp32, and int8 is a quarter of the bytes.",
                "table of boards: A53 and A72, 8 against 4 MAC/cycle",
            ),
        ),
        _why_not(fp16="it halves the file; nobody published that a 32-bit system computes in it."),
    ),
    Rule(
        "i8mm-bf16",
        "64-bit ARM with i8mm and bf16 (Neoverse V1 and N2, Apple M2, Snapdragon X, Cortex-A7xx)",
        Condition(architectures=("aarch64",), has=("i8mm", "bf16")),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "i8mm multiplies matrices of int8: on Graviton3 128 MAC/cycle, against 16 in fp32.",
                "table of boards: Neoverse V1",
            ),
            Reason(
                "On Graviton3 i8mm (smmla) was up to 1.33 times as fast as the dot product (udot).", "published figures"
            ),
        ),
        _why_not(
            fp16="half the int8 rate or less; take it with LiteRT where int8 costs accuracy, not with ONNX Runtime "
            "(4 times as slow as fp32 on a Pi 5: microsoft/onnxruntime#25824).",
            bf16="1.2 to 1.76 times as fast as fp32 on Graviton3, but below int8; where int8 costs accuracy, in "
            "ONNX Runtime with mlas.enable_gemm_fastmath_arm64_bfloat16. LiteRT has no bf16.",
        ),
    ),
    Rule(
        "i8mm",
        "64-bit ARM with i8mm but without bf16 (Google Tensor G3)",
        Condition(architectures=("aarch64",), has=("i8mm",), lacks=("bf16",)),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "i8mm multiplies matrices of int8: it was up to 1.33 times as fast as the dot product on Graviton3.",
                "published figures",
            ),
            Reason("The token bf16 is absent; svebf16 or ebf16 beside it do not stand for it.", "cpuinfo of Tensor G3"),
        ),
        _why_not(
            fp16="half the int8 rate or less; take it with LiteRT where int8 costs accuracy, not with ONNX Runtime "
            "(4 times as slow as fp32 on a Pi 5: microsoft/onnxruntime#25824).",
        ),
    ),
    Rule(
        "dotprod",
        "64-bit ARM with dot product and fp16 (Raspberry Pi 5, Rock 5B, Jetson Orin, Graviton2)",
        Condition(architectures=("aarch64",), has=("asimddp",), lacks=("i8mm",)),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "The dot product (asimddp) reaches 32 MAC/cycle in int8, against 16 in fp16 and 8 in fp32.",
                "table of boards: A76; half of it on an A55",
            ),
            _ORT_DOTPROD,
            _SIGNED,
        ),
        _why_not(
            fp16="half the int8 rate; where int8 costs accuracy, have the native engine compute with it "
            "(--precision float16: 0.53 to 0.76 of fp32's instructions for three nets on an emulated Pi 5, 40 dB up), "
            "not ONNX Runtime (4 times as slow as fp32 on a Pi 5: microsoft/onnxruntime#25824).",
            dynamic="float activations between layers; take it for nets of mostly fully-connected layers. "
            "An ONNX file leaves convolutions in float: ConvInteger is slow or missing (microsoft/onnxruntime#15888).",
        ),
    ),
    Rule(
        "armv8",
        "64-bit ARM without dot product (Raspberry Pi 3, 4, 400, Zero 2 W)",
        Condition(architectures=("aarch64",), has=("asimd",), lacks=("asimddp", "i8mm")),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "Without a dot product (no asimddp) int8 reaches 8 MAC/cycle, against 4 in fp32.",
                "table of boards: A53 and A72",
            ),
            _XNNPACK_PI3,
            _NCNN_PI4,
            _ARMNN_PI4,
        ),
        _why_not(
            fp32="half the int8 rate and four times the bytes; in ONNX Runtime keep it unless int8 measures faster.",
            fp16="there is no fp16 arithmetic here (no token asimdhp): it halves the file and is computed in fp32.",
        ),
    ),
    Rule(
        "aarch64-unknown",
        "64-bit ARM whose features nobody told",
        Condition(architectures=("aarch64",)),
        "int8",
        _INT8_ENGINES,
        (
            Reason("On every 64-bit ARM core listed int8 reaches at least twice the rate of fp32.", "table of boards"),
            Reason(
                "The feature tokens are not known: check again with those of /proc/cpuinfo.",
                "nothing to check it against",
            ),
        ),
        _why_not(
            fp16="whether there is fp16 arithmetic is not known (token asimdhp).",
            bf16="whether there is bf16 arithmetic is not known (token bf16).",
        ),
    ),
    Rule(
        "x86-64",
        "x86-64 workstation or server",
        Condition(architectures=("x86_64",)),
        "int8",
        _INT8_ENGINES,
        (
            Reason(
                "This is a workstation, not a board: convert and compare models here. int8 is what ARM boards want, "
                "and its results can be checked here.",
                "the rules for ARM",
            ),
            Reason(
                "Latencies differ on a Raspberry Pi: check that one with --board, --host or --from, and measure there.",
                "different instruction sets",
            ),
        ),
        _why_not(
            fp16="LiteRT widens it to fp32 here: it halves the file.",
            bf16="x86's avx512_bf16 and amx_bf16 say nothing of ARM; ONNX Runtime computes bf16 weights in fp32 here.",
        ),
    ),
    Rule(
        "other",
        "a processor that no rule covers",
        Condition(),
        "fp32",
        _FLOAT_ENGINES,
        (Reason("Nobody's figures for this architecture are known here: begin with fp32 and measure.", "no evidence"),),
        {name: "no figures for this architecture are known here." for name in FORMATS if name != "fp32"},
    ),
)
