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

    def run(self, work: Path, environment: dict[str, str], log: Path, progress: Callable[[int, int], None]) -> Path:
        """Compile in a folder; return the file. Raises CompilerFailedError; what the programs print is in `log`."""
        sources, build = work / "sources", work / "build"
        self.sources.write(sources)
        settings = {
            **self._settings(),
            "CMAKE_TOOLCHAIN_FILE": sources / "cmake" / "zig.cmake",
            "CMAKE_MAKE_PROGRAM": self.toolchain.ninja,
            "EQ_ZIG": self.toolchain.zig,
        }
        definitions = [f"-D{key}={value}" for key, value in settings.items()]
        cmake = self.toolchain.cmake
        run([cmake, "-G", "Ninja", "-S", sources, "-B", build, *definitions], environment, log)
        run([cmake, "--build", build, "--target", _CMAKE_TARGETS[self.file]], environment, log, progress)
        return (build / self.file).resolve()

    def features(self, work: Path, environment: dict[str, str], log: Path) -> tuple[str, ...]:
        """Return what the file needs beyond its family's features, after `run` with the same arguments."""
        if not self.assumes_features:
            return ()
        own, everywhere = (self._told_of(cpu, work, environment, log) for cpu in (self.cpu, self.family.cpu))
        return tuple(sorted(own - everywhere))

    def _settings(self) -> dict[str, str]:
        is_program = self.file == PROGRAM
        return {
            "CMAKE_BUILD_TYPE": "Release",
            "EQ_ZIG_TARGET": self._triple,
            "EQ_ZIG_CPU": self.family.cpu,  # of zig's C library too, which takes a minute to build: one for the family
            "EQ_CPU": self.cpu if self.assumes_features else "",
            "EQ_ASSUME_FEATURES": _switch(self.assumes_features),
            "EQ_STATIC": _switch(is_program),
            "EQ_PROGRAM": _switch(is_program),
        }

    @property
    def _triple(self) -> str:
        return self.family.program if self.file == PROGRAM else self.family.library

    def _told_of(self, cpu: str, work: Path, environment: dict[str, str], log: Path) -> set[str]:
        """Ask the compiler which of cpu.c's features it is told of with a CPU."""
        sources = work / "sources"
        options = [
            "-target",
            self._triple,
            f"-mcpu={cpu}",
            "-E",
            "-P",
            f"-I{sources / 'include'}",
            f"-I{sources / 'src'}",
        ]
        text = run([self.toolchain.zig, "cc", *options, sources / "src" / "base" / "cpu.c"], environment, log)
        _, _, told = text.partition("COMPILED_FOR = 0")
        return {name.lower() for name in re.findall(r"EQ_CPU_(\w+)", told.partition("}")[0])}


def _switch(is_on: bool) -> str:
    return "ON" if is_on else "OFF"
