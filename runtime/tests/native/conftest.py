"""How many examples the property tests try.

    from .conftest import examples

    @given(shape=..., seed=st.integers(0, 2**32 - 1))
    @examples()
    def test_add(shape, seed): ...

20 by default, or what EDGEQUANT_EXAMPLES says: scripts/nightly runs 200. `examples(4)` tries a quarter of that, for
slow tests. The profiles of the root's conftest.py still hold: the same examples on each run, others with
--hypothesis-profile=explore.
"""

import os

from hypothesis import HealthCheck, settings


def example_count() -> int:
    """20, or what EDGEQUANT_EXAMPLES says."""
    return int(os.environ.get("EDGEQUANT_EXAMPLES", "20"))


def examples(divisor: int = 1) -> settings:
    """A decorator for a test that has `given`."""
    return settings(max_examples=max(1, example_count() // divisor), suppress_health_check=[HealthCheck.too_slow])
