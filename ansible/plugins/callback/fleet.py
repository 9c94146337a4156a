# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""What became of every board, on a page."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
type: aggregate
short_description: A page, JSON and JUnit XML of what became of every board
version_added: 0.1.0
description:
  - Collects what the modules of edgequant.board say of each board.
  - Writes it down at the end of the run, whichever that is.
author: The edgequant authors (@edgequant)
requirements:
  - enable it in configuration, C(callbacks_enabled = edgequant.board.fleet)
  - edgequant, in the Python on the controller that runs Ansible
options:
  html:
    description: The page to write.
    type: path
    env: [{name: EDGEQUANT_FLEET_HTML}]
    ini: [{section: edgequant_fleet, key: html}]
  json:
    description: The JSON to write.
    type: path
    env: [{name: EDGEQUANT_FLEET_JSON}]
    ini: [{section: edgequant_fleet, key: json}]
  junit:
    description: The JUnit XML to write.
    type: path
    env: [{name: EDGEQUANT_FLEET_JUNIT}]
    ini: [{section: edgequant_fleet, key: junit}]
"""

from pathlib import Path
from time import monotonic
from typing import Any

from ansible.errors import AnsibleError

from ansible.plugins.callback import CallbackBase

try:
    from edgequant import fleet

    MISSING = None
except ImportError as error:
    fleet, MISSING = None, error

PREFIX = "edgequant.board."
WRITERS = ("html", "json", "junit")


class CallbackModule(CallbackBase):
    """Collects and writes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "edgequant.board.fleet"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begin = monotonic()
        self._run: Any = None
        self._title = "Fleet"
        self._check = False
        self._expected: list[str] = []

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Take the playbook's name."""
        self._title = Path(playbook._file_name).stem

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Note the boards that a play is for; those that it does not reach are told as well."""
        variables = play.get_variable_manager().get_vars(play=play)
        self._expected = variables.get("ansible_play_hosts_all", [])
        self._check = bool(variables.get("ansible_check_mode"))

    def v2_runner_on_ok(self, result: Any) -> None:
        """Take a result."""
        self._take(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Take a failure."""
        self._take(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Take a result of a loop, in which boards of earlier batches go back."""
        self._take(result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Take a failure of a loop."""
        self._take(result)

    def _take(self, result: Any) -> None:
        action, found = result._task.action, result._result
        if MISSING is not None or not action.startswith(PREFIX) or "results" in found:
            return
        if self._run is None:
            self._run = fleet.FleetRun(self._title, check=self._check)
        self._run.expect(self._expected)
        board = found.get("board") or result._host.get_name()  # a task that timed out names none
        name = action.removeprefix(PREFIX)
        failed = {"failed": True} if found.get("failed") or "exception" in found else {}
        self._run.take(board, name, {**found, **failed}, float(found.get("board_seconds", 0)))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write what was asked for."""
        files = {kind: self.get_option(kind) for kind in WRITERS}
        if self._run is None or not any(files.values()):
            return
        self._run.seconds = monotonic() - self._begin
        for kind, path in files.items():
            if path:
                try:
                    getattr(fleet, f"write_{kind}")(Path(path), self._run)
                except Exception as error:
                    raise AnsibleError(f"{path} cannot be written: {error}") from error
        self._display.display(f"edgequant: {self._run.headline}")
