"""The doctor: why int8 loses accuracy, and what mends it; recipes, which repeat the treatment."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._apply import apply_recipe, follow_recipe
from ._recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from ._doctor import doctor
    from ._report import DoctorReport

__all__ = ["DoctorReport", "Recipe", "apply_recipe", "doctor", "follow_recipe", "load_recipe"]

_HOMES = {"DoctorReport": "_report", "doctor": "_doctor"}


def __getattr__(name: str) -> Any:
    # `convert` needs recipes alone; the rest waits until it is asked for.
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
