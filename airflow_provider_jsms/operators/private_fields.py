"""Template fields that hold personal data: real to the task's own code, masked to Airflow.

Airflow renders the fields of a task, stores them for its Rendered Templates page and runs the task;
lineage backends serialize the attributes of an operator. So the values of private fields are kept
out of the attributes, and read masked between rendering and the first line of the task's own code
(``pre_execute``, ``execute``), which is when Airflow stores them.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.privacy import HIDDEN, mask_field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator, Context

_VALUES: Final = "_private_values"


class _Values:
    """The values of an operator's private fields, which no serializer can look into."""

    __slots__ = ("by_name", "is_masked")

    def __init__(self, by_name: Mapping[str, object], *, is_masked: bool = False) -> None:
        self.by_name = by_name
        self.is_masked = is_masked

    def __repr__(self) -> str:
        return HIDDEN


class PrivateField:
    """An attribute of an operator that only the task's own code reads unmasked."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, operator: BaseOperator | None, owner: type | None = None) -> Any:  # noqa: ANN401  whatever was passed
        if operator is None:
            return self
        values = _values_of(operator)
        if self._name not in values.by_name:
            raise AttributeError(self._name)
        value = values.by_name[self._name]
        return _masked(self._name, value) if values.is_masked else value

    def __set__(self, operator: BaseOperator, value: object) -> None:
        values = _values_of(operator)
        # A new object: Airflow renders a shallow copy of the DAG's operator.
        changed = {**values.by_name, self._name: value}
        operator.__dict__[_VALUES] = _Values(changed, is_masked=values.is_masked)


def keep_rendered(operator: BaseOperator, rendered: Mapping[str, object]) -> None:
    """Keep rendered values, which read masked until :func:`unmask`: Airflow is to store them."""
    values = {**_values_of(operator).by_name, **rendered}
    operator.__dict__[_VALUES] = _Values(values, is_masked=True)


def unmask(operator: BaseOperator) -> None:
    """Let the private fields read as they are, because the task's own code begins."""
    operator.__dict__[_VALUES] = _Values(_values_of(operator).by_name)


def unmasking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of an operator that reads the private fields as they are."""

    @wraps(method)
    def unmasked(self: BaseOperator, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as the method
        unmask(self)
        return method(self, *args, **kwargs)

    return unmasked


def unmasking_hook(hook: Callable[[Context], Any]) -> Callable[[Context], Any]:
    """Return a ``pre_execute`` function, which Airflow calls before the method of that name."""

    @wraps(hook)
    def unmasked(context: Context) -> Any:  # noqa: ANN401  as the function
        unmask(context["task"])  # type: ignore[arg-type]
        return hook(context)

    return unmasked


def _values_of(operator: BaseOperator) -> _Values:
    values: _Values = operator.__dict__.get(_VALUES) or _Values({})
    return values


def _masked(name: str, value: object) -> object:
    try:
        return mask_field(name, value)
    except Exception:  # noqa: BLE001  nothing is shown of a value that cannot be masked
        return HIDDEN
