"""Readers of trained networks, one module a kind."""

from ._base import Source

__all__ = ["Source"]
