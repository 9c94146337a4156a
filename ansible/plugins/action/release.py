# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""The module of this name; its documentation is in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible_collections.edgequant.board.plugins.plugin_utils.board import BoardAction, fleet


class ActionModule(BoardAction):
    """See the module's documentation."""

    name = "release"

    def act(self, board: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it."""
        trust = ("require_signature", "allowed_signers", "signer", "revoked", "board_signers")
        wanted, allowed, signer, revoked, board_signers = (arguments.pop(name) for name in trust)
        demand = None
        if wanted:
            if allowed is None:
                return {"failed": True, "msg": "Say with allowed_signers whose signatures count."}
            demand = fleet.demand_of(self.local(allowed), signer, self.local(revoked), board_signers)
        arguments["bundles"] = [self.local(path) for path in arguments["bundles"]]
        done = fleet.release(board, demand=demand, check=self._task.check_mode, **arguments)
        return done | {"state": arguments["state"]}
