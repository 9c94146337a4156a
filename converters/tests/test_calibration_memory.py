"""Reading data takes the memory of one sample, not of the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SAMPLE = (224, 224, 3)
READ_ALL = """
import sys
from pathlib import Path
import numpy as np
from edgequant_runtime import TensorInfo
from edgequant_converters.calibration import open_data, split

parts = split(open_data(sys.argv[1], [TensorInfo("x", (1, 224, 224, 3), np.dtype(np.float32))]))
for sample in parts:
    pass
# Not ru_maxrss, which starts at the peak of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(parts.used, int(peak.split()[1]) * 1024)
"""


def write_zeros(path: Path, count: int) -> None:
    """Write a .npy whose data is a hole in the file, or a compressed .npz of it."""
    shape = (count, *SAMPLE)
    if path.suffix == ".npz":
        np.savez_compressed(path, x=np.broadcast_to(np.float32(0), shape))
        return
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 4 * int(np.prod(shape)))


def peak_bytes(path: Path) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", READ_ALL, path], capture_output=True, text=True, check=True)
    used, peak = done.stdout.split()
    return int(used), int(peak)


@pytest.mark.parametrize(("suffix", "count"), [(".npy", 1500), (".npz", 300)])
def test_many_samples_peak_little_above_ten(tmp_path, suffix, count):
    few, many = tmp_path / f"few{suffix}", tmp_path / f"many{suffix}"
    write_zeros(few, 10)
    write_zeros(many, count)
    _, base = peak_bytes(few)
    used, peak = peak_bytes(many)
    assert used == count - min(count // 10, 64)
    # The 64 MiB kept aside for measuring, and some room for the allocator.
    assert peak - base < 100 * 2**20
