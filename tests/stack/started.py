"""What runs as long as a ``with`` block lasts."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Started(ABC):
    """A context manager that is started on the way in, and stopped on the way out."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it is ready; whatever ends this early leaves nothing behind."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
