"""Smoke tests on every board of an inventory, through Ansible: `edgequant smoke --inventory`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgequant._errors import EdgequantError

_CHECKOUT = Path(__file__).parents[2] / "ansible"
_INSTALLED = Path(__file__).parents[1] / "_ansible" / "ansible_collections" / "edgequant" / "board"


def smoke_farm(
    bundles: Sequence[Path],
    inventory: str,
    *,
    limit: str | None = None,
    forks: int | None = None,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Run the goldens of the bundle that suits each board of an inventory, and return the run as `FleetRun.to_dict`.

    `limit` and `forks` are ansible-playbook's. `files` are those to write, by `html` and `junit`; `options` are
    those of the playbook edgequant.board.smoke. Raises EdgequantError where nothing could be run.
    """
    program = _ansible_playbook()
    with tempfile.TemporaryDirectory(prefix="edgequant-farm-") as name:
        folder = Path(name)
        place = folder / "ansible_collections" / "edgequant"
        place.mkdir(parents=True)
        (place / "board").symlink_to(_collection())
        variables = {**options, "smoke_bundles": [str(bundle.absolute()) for bundle in bundles]}
        command = [program, "edgequant.board.smoke", "-i", inventory, "-e", json.dumps(variables)]
        command += ["--limit", limit] if limit else []
        command += ["-f", str(forks)] if forks else []
        report = folder / "fleet.json"
        done = _run(command, _environment(folder, {"json": report, **files}))
        if not report.exists():
            raise EdgequantError(f"Ansible ran nothing: {_last_words(done)}")
        found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return found


def _ansible_playbook() -> str:
    """Return the program of this Python's environment, so that its modules find edgequant."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if found is None:
        raise EdgequantError("There is no ansible-playbook: install the extra edgequant[fleet] from a checkout.")
    return found


def _collection() -> Path:
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def _environment(folder: Path, files: Mapping[str, Path]) -> dict[str, str]:
    """Return Ansible's environment: the user's own, with this version's collection before others."""
    paths = [str(folder), *filter(None, [os.environ.get("ANSIBLE_COLLECTIONS_PATH")])]
    enabled = [*filter(None, [os.environ.get("ANSIBLE_CALLBACKS_ENABLED")]), "edgequant.board.fleet"]
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": ":".join(paths),
        "ANSIBLE_CALLBACKS_ENABLED": ",".join(enabled),
        "ANSIBLE_NOCOLOR": "1",
        **{f"EDGEQUANT_FLEET_{kind.upper()}": str(path.absolute()) for kind, path in files.items()},
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            told, _ = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)  # it ends its workers, and they clean up
            process.communicate()  # it may have more to say than a pipe holds
            raise
    return subprocess.CompletedProcess(command, process.returncode, told)


def _last_words(done: "subprocess.CompletedProcess[str]") -> str:
    errors = [line for line in done.stdout.splitlines() if "ERROR" in line or "WARNING" in line]
    lines = errors or done.stdout.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    return lines[-1].partition("]: ")[2] or lines[-1]
