"""Name the arguments that an operator does not have, without their values.

Airflow quotes the values in its error: rows that are mapped may hold numbers and names in them.
"""

from __future__ import annotations

from contextlib import contextmanager
from inspect import Parameter, signature
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, BaseOperator

from airflow_provider_jsms.api.masking import first_ten, mask_text
from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def naming_unknown_arguments(
    operator: type[BaseOperator], arguments: Iterable[str]
) -> Iterator[None]:
    """Raise an error of its own if a constructor of Airflow refuses arguments.

    :param arguments: the names of the arguments that it gets.
    """
    try:
        yield
    except (AirflowException, TypeError):  # the one before Airflow 3, the other since
        known = _names_of(operator)
        unknown = [repr(mask_text(name)) for name in arguments if name not in known]
        if not unknown:
            raise
        hint = "Correct the name, or leave it out, also in the rows for expand_kwargs."
        if "temp_para" in operator.template_fields:
            hint += " Parameters of the template belong in temp_para."
        raise JsmsInputError(
            f"{operator.__name__} has no argument {', '.join(first_ten(unknown))}. Nothing was "
            f"sent. {hint}"
        ) from None


def _names_of(operator: type[BaseOperator]) -> set[str]:
    parameters = [
        parameter
        for each in operator.__mro__
        if issubclass(each, BaseOperator)
        for parameter in signature(each.__init__).parameters.values()
    ]
    return {it.name for it in parameters if it.kind is not Parameter.VAR_KEYWORD}
