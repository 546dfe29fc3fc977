"""The form of the connection as Airflow 2.11 to 3.1 ask the hook for it: wtforms fields.

Airflow 3.2 and newer read it from ``get_provider_info`` and do not come here. Nor do they have to
have the libraries of these fields, which is why they are imported where they are used. Airflow 3.0
and 3.1 put stand-ins in their place that know a label, a description, a default and the type, but
no validators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.connection_form import EXTRAS, LABELS, PLACEHOLDERS, NumberField
from airflow_provider_jsms.exceptions import JsmsSettingsError
from airflow_provider_jsms.hooks.connection import number_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_jsms.connection_form import TextField


def field_behaviour() -> dict[str, Any]:
    """Return how the fields that every connection has are called here."""
    return {"hidden_fields": [], "relabeling": {**LABELS}, "placeholders": {**PLACEHOLDERS}}


def form_widgets() -> dict[str, Any]:
    """Return a field for each extra."""
    return {field.name: _widget(field) for field in EXTRAS}


def _widget(field: TextField | NumberField) -> Any:  # noqa: ANN401  its library may be missing
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found]  # noqa: PLC0415
        BS3TextFieldWidget,
    )
    from wtforms import IntegerField, StringField  # type: ignore[import-untyped]  # noqa: PLC0415
    from wtforms.validators import Optional  # type: ignore[import-untyped]  # noqa: PLC0415

    # Airflow allows no field for numbers that may have a fraction.
    is_whole = isinstance(field, NumberField) and field.is_whole
    kind, of_default = (IntegerField, int) if is_whole else (StringField, str)
    return kind(
        field.label,
        validators=[Optional(), *([_bounds(field)] if isinstance(field, NumberField) else [])],
        description=field.description,
        default=None if field.default is None else of_default(field.default),
        widget=BS3TextFieldWidget(),
    )


def _bounds(field: NumberField) -> Callable[[object, Any], None]:
    """Return a validator of the rule that the settings have."""
    from wtforms.validators import ValidationError  # noqa: PLC0415

    def check(_: object, filled_in: Any) -> None:  # noqa: ANN401  a field of wtforms
        try:
            number_in({field.name: filled_in.data}, field)
        except JsmsSettingsError:
            raise ValidationError(f"This takes {field.accepted}.") from None

    return check
