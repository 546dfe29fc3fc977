"""Start and stop by a ``with`` block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self


class Started(ABC):
    """A context manager that is started on the way in, and stopped on the way out."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it is ready; an error meanwhile leaves nothing behind."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
