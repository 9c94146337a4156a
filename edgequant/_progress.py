"""How work that takes long tells what it is doing: whoever shows it is not its concern."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with a step, how much of it is done, and of how much (None: not known)."""


def silent(step: str, done: int, total: int | None) -> None:
    """Show nothing."""
