"""The program of a bundle is what it has to be: a static one for the bundle's processors."""

from pathlib import Path

from edgequant._targets import FAMILIES, TargetError, program_problems

from ._errors import DamagedBundleError

MAX_BYTES = 64 * 2**20


def check_runner(program: Path, family: str) -> None:
    """Raise DamagedBundleError for a script, a program that needs libraries, or one for other processors.

    Who starts it on this computer runs it as himself: that it is a program for a board, and no script for anything,
    must be sure before. What it does cannot be.
    """
    if problems := _problems(program, family):
        raise DamagedBundleError(f"{program.name} is not the static program for {family} that it should be: {problems}")


def _problems(program: Path, family: str) -> str:
    if family not in FAMILIES:
        return f"there are {', '.join(FAMILIES)}."
    if program.stat().st_size > MAX_BYTES:
        return f"it has more than {MAX_BYTES // 2**20} MiB."
    try:
        problems = program_problems(program.read_bytes(), FAMILIES[family])
    except TargetError as error:
        return str(error)
    return "; ".join(problems) + "." if problems else ""
