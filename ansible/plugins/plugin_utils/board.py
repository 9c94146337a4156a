# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""What the action plugins share: the way to the board, the arguments, and the result."""

from __future__ import annotations

import importlib
import shlex
from abc import abstractmethod
from pathlib import Path
from time import monotonic
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleFileNotFound

from ansible.plugins.action import ActionBase

try:
    # Here, where Ansible loads the plugin before it forks: all workers share the memory.
    from edgequant import fleet

    MISSING = None
except ImportError as error:
    fleet, MISSING = None, error

SSH = ("ssh", "ansible.builtin.ssh", "smart")
LOCAL = ("local", "ansible.builtin.local")


class BoardAction(ActionBase):
    """One task on one board, on the controller and through edgequant's own connection to the board."""

    TRANSFERS_FILES = False
    _requires_connection = False
    name = ""

    @abstractmethod
    def act(self, board: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it, and return the result as plain JSON types."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, reach the board, act."""
        result = super().run(tmp, task_vars)
        begin = monotonic()
        arguments = self.validate_argument_spec(argument_spec=argument_spec(self.name))[1]
        if MISSING is not None:
            raise AnsibleActionFail(
                f"The Python that runs Ansible has no edgequant ({MISSING}): install both into one environment."
            )
        result |= self.act(self._board(), arguments)
        board = self._task.delegate_to or (task_vars or {}).get("inventory_hostname")
        return result | {"board": board, "board_seconds": round(monotonic() - begin, 3)}

    def _board(self) -> Any:
        """Return the way to the board that the connection plugin would take; nothing is connected yet."""
        kind = (
            self._connection.ansible_name if hasattr(self._connection, "ansible_name") else self._connection.transport
        )
        if kind in LOCAL:
            return fleet.reach_here()
        if kind not in SSH:
            raise AnsibleActionFail(f"ansible_connection {kind} cannot be used: boards are reached by ssh, or local.")
        option = self._connection.get_option
        words = [option(name) or "" for name in ("ssh_args", "ssh_common_args", "ssh_extra_args")]
        return fleet.reach(
            option("host"),
            port=option("port"),
            user=option("remote_user"),
            key=option("private_key_file"),
            options=[word for text in words for word in shlex.split(text)],
            connect_seconds=int(option("timeout") or 10),
        )

    def local(self, path: str | None) -> Path | None:
        """Return a file of the controller, sought as Ansible seeks files (beside role and playbook), then here."""
        if path is None:
            return None
        try:
            return Path(self._loader.path_dwim_relative_stack(self._task.get_search_path(), "files", path))
        except AnsibleFileNotFound:
            return Path(path).expanduser().absolute()


def argument_spec(name: str) -> dict[str, Any]:
    """Return the arguments of a module by its documentation, so that there is one place that says them."""
    here = __name__.rpartition(".plugins.")[0]
    module = importlib.import_module(f"{here}.plugins.modules.{name}")
    fragments = importlib.import_module(f"{here}.plugins.doc_fragments.board").ModuleDocFragment
    documented = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documented["options"])
    if "edgequant.board.board" in documented["extends_documentation_fragment"]:
        options |= yaml.safe_load(fragments.DOCUMENTATION)["options"]
    return {key: {word: value for word, value in one.items() if word != "description"} for key, one in options.items()}
