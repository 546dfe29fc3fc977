"""How many examples a test tries: the same ones each time, or many new ones on demand.

``HYPOTHESIS_PROFILE=long`` tries thirty times as many, chosen anew.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

IS_LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
_TIMES: Final = 30 if IS_LONG else 1


def examples(count: int) -> Callable[[Any], Any]:
    """Return the decorator of a test that tries about ``count`` examples."""
    return settings(
        max_examples=count * _TIMES,
        derandomize=not IS_LONG,
        database=None,
        deadline=None,
        # A sandbox is shared by all examples of a test, and some of them are large.
        suppress_health_check=list(HealthCheck),
    )
