"""Engines in a process of their own: an engine that dies there is an error here.

Engines are native code and may abort on a model that is whole. `EngineProcess` opens models in a process beside this
one. The modules behind it:

- `_messages`: JSON and arrays as bytes over a pipe
- `_process`: the parent's side, `WorkerProcess`, whatever it is asked
- `_serve`: the worker's side
- `_engine_process`, `_opened_model`, `_inner`: models opened in a worker, as the parent sees them
- `_current`: one worker for a whole command
- `_worker`, `_watched`: what that worker does, `python -m edgequant_runtime.isolation._worker`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgequant_runtime._errors import EngineDeathError

    from ._current import current_process, engine_process
    from ._engine_process import EngineProcess, IsolatedSession
    from ._inner import InnerTensors
    from ._process import WorkerDeath, WorkerProcess
    from ._serve import serve

__all__ = [
    "EngineDeathError",
    "EngineProcess",
    "InnerTensors",
    "IsolatedSession",
    "WorkerDeath",
    "WorkerProcess",
    "current_process",
    "engine_process",
    "serve",
]

# A worker imports its own side alone: it is started for every command.
_HOMES = {
    "EngineDeathError": "_process",
    "EngineProcess": "_engine_process",
    "InnerTensors": "_inner",
    "IsolatedSession": "_engine_process",
    "WorkerDeath": "_process",
    "WorkerProcess": "_process",
    "current_process": "_current",
    "engine_process": "_current",
    "serve": "_serve",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
