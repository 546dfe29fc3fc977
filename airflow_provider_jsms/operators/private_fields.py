"""Template fields with personal data: real for your code, masked for Airflow's own modules.

Airflow stores the rendered fields of a task for its Rendered Templates page, and lineage backends
serialize the attributes of an operator. So the values never become attributes, and Airflow's own
modules read them masked once they are rendered. All other code (subclasses, ``pre_execute``,
callbacks) reads and changes the real values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import mask_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

PRIVATE_FIELDS: Final = ("mobile", "temp_para", "recipients", "texts", "exclude")
STORE: Final = "_private_values"
_UNSET: Final = object()


class Store:
    """The private fields and the arguments of an operator, where serializers do not look."""

    __slots__ = ("arguments", "init_kwargs", "is_rendered", "values")

    def __init__(self, arguments: Mapping[str, object]) -> None:
        self.arguments = arguments
        self.init_kwargs: dict[str, object] = {}
        self.values: Mapping[str, object] = {}
        self.is_rendered = False


class PrivateField:
    """An attribute of an operator that Airflow's own modules read masked once it is rendered."""

    def __init__(self, name: str, default: object = _UNSET) -> None:
        self._name = name
        self._default = default

    def __get__(self, operator: BaseOperator | None, owner: type | None = None) -> Any:  # noqa: ANN401  of any type
        if operator is None:
            return self
        store: Store = vars(operator)[STORE]
        value = store.values.get(self._name, self._default)
        if value is _UNSET:
            raise AttributeError(self._name)
        # The frame of the reading code: getattr() has none of its own.
        reader = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001
        # Provider packages may hold subclasses of these operators.
        is_airflow = reader.startswith("airflow.") and not reader.startswith("airflow.providers.")
        return mask_field(self._name, value) if store.is_rendered and is_airflow else value

    def __set__(self, operator: BaseOperator, value: object) -> None:
        keep(operator, self._name, value)


def _init_kwargs(operator: BaseOperator) -> dict[str, object]:
    store: Store = vars(operator)[STORE]
    return store.init_kwargs


def _set_init_kwargs(operator: BaseOperator, value: dict[str, object]) -> None:
    vars(operator)[STORE].init_kwargs = value


# Airflow keeps the arguments of an operator in an attribute, and OpenLineage providers before 2.19
# serialize it.
INIT_KWARGS: Final = property(_init_kwargs, _set_init_kwargs)


def keep(operator: BaseOperator, name: str, value: object, *, is_rendered: bool = False) -> None:
    """Set a private field; once one is rendered, Airflow reads all of them masked."""
    if isinstance(value, Iterator):
        value = list(value)  # the first of several runs or tries would exhaust it
    # A new store: Airflow renders a shallow copy of the DAG's operator.
    store = copy(vars(operator)[STORE])
    store.values = {**store.values, name: value}
    store.is_rendered |= is_rendered
    vars(operator)[STORE] = store
