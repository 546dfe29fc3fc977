"""Template fields that hold personal data: real to everybody's code, masked to Airflow's own.

Airflow renders the fields of a task and stores them for its Rendered Templates page; lineage
backends serialize the attributes of an operator. So the values are kept out of the attributes, and
once they are rendered Airflow's own modules read them masked. All other code, such as a subclass, a
``pre_execute`` or a callback, reads and changes the real values.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_jsms.api.masking import HIDDEN, mask_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

PRIVATE_FIELDS: Final = ("mobile", "temp_para", "recipients")
_VALUES: Final = "_private_values"
_AIRFLOW: Final = "airflow."
# Packages of others live here too, with operators that derive from ours.
_PROVIDERS: Final = "airflow.providers."


class _Values:
    """The values of an operator's private fields, which no serializer can look into.

    :param arguments: those that the operator was made with.
    :param is_rendered: whether Airflow has rendered them.
    """

    __slots__ = ("arguments", "by_name", "is_rendered")

    def __init__(
        self,
        by_name: Mapping[str, object],
        arguments: Mapping[str, object],
        *,
        is_rendered: bool = False,
    ) -> None:
        self.by_name = by_name
        self.arguments = arguments
        self.is_rendered = is_rendered

    def __repr__(self) -> str:
        return HIDDEN


class PrivateField:
    """An attribute of an operator that Airflow's own modules read masked.

    :param default: what a subclass has set as an attribute of the class.
    """

    def __init__(self, *default: object) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, operator: BaseOperator | None, owner: type | None = None) -> Any:  # noqa: ANN401  whatever was passed
        if operator is None:
            return self
        values = _values_of(operator)
        given = (values.by_name[self._name],) if self._name in values.by_name else self._default
        if not given:
            raise AttributeError(self._name)
        (value,) = given
        return _masked(self._name, value) if _is_hidden(values) else value

    def __set__(self, operator: BaseOperator, value: object) -> None:
        keep(operator, self._name, value)


def keep(
    operator: BaseOperator, name: str, value: object, *, is_rendered: bool | None = None
) -> None:
    """Keep the value of a field.

    :param is_rendered: that Airflow has rendered it; None leaves that as it is.
    """
    values = _values_of(operator)
    # A new object: Airflow renders a shallow copy of the DAG's operator.
    operator.__dict__[_VALUES] = _Values(
        {**values.by_name, name: value},
        values.arguments,
        is_rendered=values.is_rendered if is_rendered is None else is_rendered,
    )


def remember_arguments(operator: BaseOperator, arguments: Mapping[str, object]) -> None:
    """Remember what an operator was made with, because a mapped task cannot tell it later."""
    operator.__dict__[_VALUES] = _Values({}, arguments)


def arguments_of(operator: BaseOperator) -> Mapping[str, object]:
    """Return what an operator was made with."""
    return _values_of(operator).arguments


def _values_of(operator: BaseOperator) -> _Values:
    values: _Values = operator.__dict__.get(_VALUES) or _Values({}, {})
    return values


def _is_hidden(values: _Values) -> bool:
    if not values.is_rendered:
        return False
    # Of the code that reads the attribute; a function such as getattr() has no frame of its own.
    reader = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001
    return reader.startswith(_AIRFLOW) and not reader.startswith(_PROVIDERS)


def _masked(name: str, value: object) -> object:
    try:
        return mask_field(name, value)
    except Exception:  # noqa: BLE001  nothing is shown of a value that cannot be masked
        return HIDDEN
