"""The sizes that random inputs have where a model leaves them free."""

from collections.abc import Sequence

_SIZE, _IMAGE_SIZE = 8, 32


def probe_shape(sizes: Sequence[int | None]) -> tuple[int, ...]:
    """Return a shape for sizes of which the free ones are None or negative: a batch of 1, 32 in images, 8 elsewhere."""
    free = _IMAGE_SIZE if len(sizes) == 4 else _SIZE
    return tuple(
        size if size is not None and size >= 0 else 1 if axis == 0 else free for axis, size in enumerate(sizes)
    )
