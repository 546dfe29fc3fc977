"""Everything that exists only for Airflow before 3.3: delete this file to drop those versions."""

from __future__ import annotations

from typing import Any

from airflow_provider_jsms.get_provider_info import CONN_FIELDS, PLACEHOLDERS, RELABELING


def connection_form_widgets() -> dict[str, Any]:
    """Return the extras of the connection as wtforms fields, for Airflow before 3.2.

    Airflow 3.0 and 3.1 put stand-ins in the place of these libraries.
    """
    from flask_appbuilder.fieldwidgets import (  # type: ignore[import-not-found]  # noqa: PLC0415
        BS3TextFieldWidget,
    )
    from wtforms import IntegerField, StringField  # type: ignore[import-untyped]  # noqa: PLC0415
    from wtforms.validators import Optional  # type: ignore[import-untyped]  # noqa: PLC0415

    widgets = {}
    for name, field in CONN_FIELDS.items():
        default = field["schema"].get("default")
        # Airflow allows no field for numbers with a fraction.
        is_whole = "integer" in field["schema"]["type"]
        widgets[name] = (IntegerField if is_whole else StringField)(
            field["label"],
            validators=[Optional()],
            description=field["description"],
            default=default if is_whole or default is None else str(default),
            widget=BS3TextFieldWidget(),
        )
    return widgets


def ui_field_behaviour() -> dict[str, Any]:
    """Return the labels and placeholders of the standard fields, for Airflow before 3.2."""
    return {"hidden_fields": [], "relabeling": RELABELING, "placeholders": PLACEHOLDERS}
