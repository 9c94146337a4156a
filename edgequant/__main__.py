"""`python -m edgequant` is the `edgequant` command."""

from edgequant._cli.app import entry_point

entry_point()
