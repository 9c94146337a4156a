"""One file of the engine, compiled for a processor with CMake, ninja and zig."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ._sources import Sources
from ._target import Family
from ._toolchain import Toolchain, run

PROGRAM, LIBRARY = "edgequant-run", "libedgequant.so"
_CMAKE_TARGETS = {PROGRAM: "edgequant-run", LIBRARY: "edgequant"}


@dataclass(frozen=True, slots=True)
class Compilation:
    """What settles the bytes of a file: for which processor, from which sources, with which compiler.

    `file` is PROGRAM or LIBRARY. With `assumes_features`, those of `cpu` (as zig names it) are taken for granted.
    """

    file: str
    family: Family
    cpu: str
    assumes_features: bool
    sources: Sources
    toolchain: Toolchain

    @property
    def name(self) -> str:
        """A name for people: whatever has the same is built from other sources, or by another compiler."""
        return f"{self.file}-{self.family.name}" + (f"-with-{self.cpu}" if self.assumes_features else "")

    @property
    def digest(self) -> str:
        """A name for the result."""
        settled = [self.file, self.sources.digest, self.toolchain.zig_version, self._settings()]
        return hashlib.sha256(json.dumps(settled).encode()).hexdigest()[:20]

    def run(
        self, work: Path, environment: dict[str, str], log: Path, progress: Callable[[int, int], None]
    ) -> tuple[Path, tuple[str, ...]]:
        """Compile in a folder; return the file, and the features that it needs beyond its family's.

        Raises CompilerFailedError; what the programs print is in `log`.
        """
        sources, build = work / "sources", work / "build"
        self.sources.write(sources)
        zig = self.toolchain.zig
        settings = {
            **self._settings(),
            "CMAKE_TOOLCHAIN_FILE": sources / "cmake" / "zig.cmake",
            "CMAKE_MAKE_PROGRAM": self.toolchain.ninja,
            "EQ_ZIG": zig,
        }
        cmake = self.toolchain.cmake
        run(
            [
                cmake,
                "-S",
                sources,
                "-B",
                build,
                "-G",
                "Ninja",
                *(f"-D{key}={value}" for key, value in settings.items()),
            ],
            environment,
            log,
        )
        run([cmake, "--build", build, "--target", _CMAKE_TARGETS[self.file]], environment, log, progress)
        features: set[str] = set()
        if self.assumes_features:
            features = self._features(self.cpu, sources, environment, log)
            features -= self._features(self.family.cpu, sources, environment, log)
        return (build / self.file).resolve(), tuple(sorted(features))

    def _settings(self) -> dict[str, str]:
        is_program = self.file == PROGRAM
        return {
            "CMAKE_BUILD_TYPE": "Release",
            "EQ_ZIG_TARGET": self._triple,
            "EQ_ZIG_CPU": self.cpu,
            "EQ_ASSUME_FEATURES": _switch(self.assumes_features),
            "EQ_STATIC": _switch(is_program),
            "EQ_PROGRAM": _switch(is_program),
        }

    @property
    def _triple(self) -> str:
        return self.family.program if self.file == PROGRAM else self.family.library

    def _features(self, cpu: str, sources: Path, environment: dict[str, str], log: Path) -> set[str]:
        """Ask the compiler which features of cpu.c it is told of with a CPU."""
        command = [
            self.toolchain.zig,
            "cc",
            "-target",
            self._triple,
            f"-mcpu={cpu}",
            "-E",
            "-P",
            f"-I{sources}/include",
        ]
        text = run([*command, sources / "src" / "cpu.c"], environment, log)
        told = re.search(r"COMPILED_FOR = 0([^}]*)", text)
        return {name.lower() for name in re.findall(r"EQ_CPU_(\w+)", told[1])} if told else set()


def _switch(is_on: bool) -> str:
    return "ON" if is_on else "OFF"
