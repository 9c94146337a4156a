"""Damaged copies of models by the thousand, by the ten thousand in scripts/nightly, each run under the sanitizers."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import example_count
from .sanitized import build_program
from .single_op import Model, Quantized
from .whole_files import buffer, pack, unpack

# They share a program that takes a minute to compile.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mutate")]


@pytest.fixture(scope="session")
def mutate() -> Path:
    """The program that damages models; EDGEQUANT_MUTATE names one that was built before."""
    if "EDGEQUANT_MUTATE" in os.environ:
        return Path(os.environ["EDGEQUANT_MUTATE"])
    return build_program("mutate", "address,undefined")


def run_mutate(program: Path, *arguments: object) -> str:
    environment = {**os.environ, "ASAN_OPTIONS": "abort_on_error=1:allocator_may_return_null=1"}
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_damaged_copies_of_small_models(mutate: Path, models: Path) -> None:
    printed = run_mutate(mutate, "--truncations", "--mutations", 10 * example_count(), *sorted(models.glob("*.tflite")))
    memory = re.search(r"most memory ([0-9.]+) MB beside the files, limit ([0-9]+) MB", printed)
    assert memory is not None
    assert float(memory[1]) < 2 * float(memory[2])


def test_damaged_copies_of_trained_networks(mutate: Path, shared: Path) -> None:
    models = [shared / "models" / name for name in ("kws_ref_model.tflite", "ad01_int8.tflite")]
    run_mutate(mutate, "--truncations", "--mutations", 100, *models)


def at_the_end(model: Any, index: int) -> bytes:
    """The file, with a tensor's values as its last bytes."""
    values = bytes(bytearray(model.buffers[model.subgraphs[0].tensors[index].buffer].data))
    buffer(index, data=None, offset=2**40, size=len(values))(model)
    place = (len(pack(model)) + 15) // 16 * 16
    buffer(index, offset=place)(model)
    return pack(model).ljust(place, b"\0") + values


def constants_at_the_end() -> bytes:
    """A fully connected layer of constants, the first of which ends the file."""
    model = Model()
    a = model.constant(np.arange(15).reshape(3, 5), "INT8", Quantized(0.1))
    w = model.constant(np.arange(25).reshape(5, 5), "INT8", Quantized(0.1))
    y = model.tensor((3, 5), "INT8", Quantized(2.0))
    model.operator("FULLY_CONNECTED", [a, w, -1], [y], "FullyConnectedOptions")
    x = model.input((3, 5), "INT8", Quantized(0.1))
    z = model.tensor((3, 5), "INT8", Quantized(2.0))
    model.operator("ADD", [x, y], [z], "AddOptions")
    return at_the_end(unpack(model.finish([z])), a)


def test_kernels_read_no_further_than_constants(mutate: Path, tmp_path: Path) -> None:
    (tmp_path / "constants.tflite").write_bytes(constants_at_the_end())
    printed = run_mutate(mutate, "--mutations", 20, tmp_path / "constants.tflite")
    assert not re.search("one byte changed: [0-9]+ refused, 0 ran", printed)


def test_winograd_with_few_tiles_in_the_last_unit(mutate: Path, tmp_path: Path) -> None:
    """Pointers are only advanced where there is a tile: 25 of them are a unit of 16, and one of 9."""
    model = Model()
    fields = {"padding": 0, "strideH": 1, "strideW": 1}
    x, w = model.input((1, 20, 20, 8), "FLOAT32"), model.constant(np.ones((8, 3, 3, 8)), "FLOAT32")
    y = model.tensor((1, 20, 20, 8), "FLOAT32")
    model.operator("CONV_2D", [x, w, -1], [y], "Conv2DOptions", **fields)
    (tmp_path / "tiles.tflite").write_bytes(model.finish([y]))
    printed = run_mutate(mutate, "--mutations", 20, tmp_path / "tiles.tflite")
    assert not re.search("one byte changed: [0-9]+ refused, 0 ran", printed)
