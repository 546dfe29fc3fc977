"""The fixtures of waits."""

from tests.unit.waits import hours, never_sent, nine, scheduled

__all__ = ["hours", "never_sent", "nine", "scheduled"]
