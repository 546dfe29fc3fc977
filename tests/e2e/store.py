"""Which tests need an Airflow that keeps something for the next try of a task, and which none."""

from __future__ import annotations

import pytest

from tests.stack.settings import HAS_STORE

needs_store = pytest.mark.skipif(
    not HAS_STORE, reason="before Airflow 3.3 nothing is kept for the next try of a task"
)
needs_no_store = pytest.mark.skipif(
    HAS_STORE, reason="from Airflow 3.3 on a record is kept for the next try: test_clear.py"
)
