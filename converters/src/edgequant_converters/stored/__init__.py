"""A float model whose trained values are rounded to what a number format holds, and what that storage costs.

The arithmetic stays float32: values are widened before they are used, as devices without arithmetic in a format do.
"""

from ._formats import STORED_FORMATS, StoredFormat
from ._store import LayerLoss, StoredModel, store_as

__all__ = ["STORED_FORMATS", "LayerLoss", "StoredFormat", "StoredModel", "store_as"]
