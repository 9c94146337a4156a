# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""The module of this name; its documentation is in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible_collections.edgequant.board.plugins.plugin_utils.board import BoardAction, fleet


class ActionModule(BoardAction):
    """See the module's documentation."""

    name = "bench"

    def act(self, board: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it."""
        if self._task.check_mode:
            return {"skipped": True, "msg": "Nothing is timed in check mode."}
        arguments["models"] = [self.local(path) for path in arguments["models"]]
        arguments["runner"] = self.local(arguments["runner"])
        return fleet.bench(board, **arguments)
