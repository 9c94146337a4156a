"""What went wrong with a file, and what to do about it: the same words for this machine and for one over ssh."""

from pathlib import PurePosixPath

from ._base import LONGEST_OUTPUT, TransportError

# The system's words (strerror, which every program prints in English where LC_ALL is C), and advice.
_ADVICE = {
    "Permission denied": "permission denied: choose a place where this user may do so",
    "Operation not permitted": "the system forbids it: choose a place where this user may do so",
    "No space left on device": "the disk is full: free some space there and try again",
    "Disk quota exceeded": "the user's share of the disk is used up: free some space there and try again",
    "Read-only file system": "the file system is read-only: choose another place, or mount it writable",
    "Input/output error": "the disk fails (Input/output error): SD cards wear out, try another",
    "File exists": "something of that name is there already",
    "No such file or directory": "there is no such file or folder",
    "Not a directory": "a part of that path is no folder",
    "Is a directory": "a folder of that name is there",
    "Text file busy": "that program is running",
}


def file_error(doing: str, where: str, reason: str) -> TransportError:
    """Return the error for `doing` (such as `write /srv/kws`) that failed on a computer for the system's reason."""
    return TransportError(f"Cannot {doing} on {where}: {_ADVICE.get(reason, reason or 'no reason was given')}.")


def too_large(doing: str, where: str) -> TransportError:
    """Return the error for `doing` (such as `read /srv/kws`) with a file that is too large to be copied here."""
    return TransportError(f"Cannot {doing} on {where}: it has more than {LONGEST_OUTPUT // 2**20} MiB.")


def took_too_long(program: str | PurePosixPath, seconds: float, where: str) -> TransportError:
    """Return the error for a program that was killed because its time was up."""
    return TransportError(f"{PurePosixPath(program).name} did not end within {seconds:g} s on {where}.")


def printed_too_much(program: str | PurePosixPath, where: str) -> TransportError:
    """Return the error for a program that was killed because it printed more than LONGEST_OUTPUT."""
    limit = LONGEST_OUTPUT // 2**20
    return TransportError(f"{PurePosixPath(program).name} was ended on {where}: it printed more than {limit} MiB.")
