"""Models that keep a state: one frame after the other, in LiteRT and in this engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from .oracle import RESOLVERS, Array, NativeSession, difference, is_close, kernel_sets, same_bits, seeded_inputs

Run = Sequence[Array]  # the inputs of one run, or its outputs


def frames_of(data: bytes, seed: int) -> list[list[Array]]:
    """Inputs for three runs."""
    return [seeded_inputs(data, seed + run) for run in range(3)]


def run_litert_in_turn(data: bytes, frames: Sequence[Run], resolver: str = "default") -> list[list[Array]]:
    """The outputs of one interpreter for one frame after the other."""
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=RESOLVERS[resolver], num_threads=1)
    interpreter.allocate_tensors()
    results = []
    for frame in frames:
        for detail, value in zip(interpreter.get_input_details(), frame, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        results.append([interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()])
    return results


def run_native_in_turn(data: bytes, frames: Sequence[Run]) -> list[list[Array]]:
    with NativeSession(data, frames[0], kernels="scalar") as session:
        return [session.run(frame) for frame in frames]


def check_in_turn(data: bytes, frames: Sequence[Run], expected: Sequence[Run]) -> None:
    """The same outputs for the same frames in turn, with every kernel set, and again after a reset."""
    for number, name in enumerate(kernel_sets()):
        with NativeSession(data, frames[0], 1 + number % 2, name) as session:
            for run in range(2):
                for frame, outputs in zip(frames, expected, strict=True):
                    for ours, theirs in zip(session.run(frame), outputs, strict=True):
                        assert same_bits(ours, theirs), f"{name}, run {run}: {difference(ours, theirs, 'default')}"
                session.reset()


def check_close_in_turn(data: bytes, frames: Sequence[Run], expected: Sequence[Run], within: float = 1e-5) -> None:
    """Floats: `within` of what is expected, and the same bits with every kernel set."""
    found = run_native_in_turn(data, frames)
    assert are_close_in_turn(found, expected, within), _first_difference(found, expected, within)
    check_in_turn(data, frames, found)


def are_close_in_turn(found: Sequence[Run], expected: Sequence[Run], within: float = 1e-5) -> bool:
    return not _first_difference(found, expected, within)


def _first_difference(found: Sequence[Run], expected: Sequence[Run], within: float) -> str:
    for run, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        for a, b in zip(ours, theirs, strict=True):
            if not (same_bits(a, b) or is_close(a, b, within)):
                return f"run {run}: {difference(a, b, 'default')}"
    return ""


def is_near_a_tie(runs: Sequence[Run], asymmetric: bool) -> bool:
    """Whether quantizing one of these vectors, in the last dimension, rounds where the last bit of a float decides."""
    for values in (values for run in runs for values in run):
        low = np.minimum(values.min(axis=-1, keepdims=True), 0).astype(np.float64)
        high = np.maximum(values.max(axis=-1, keepdims=True), 0).astype(np.float64)
        scale = np.maximum((high - low) / 255 if asymmetric else np.maximum(-low, high) / 127, 1e-30)
        places = np.concatenate([values / scale, low / scale, high / scale], axis=-1)
        if np.any(np.abs(places - np.floor(places) - 0.5) < 1e-4):
            return True
    return False
