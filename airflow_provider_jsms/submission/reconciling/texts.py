"""Read the texts that JSMS is to have: a key, a time and a person in each row of a list or file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_jsms.api.arguments import once_key_of
from airflow_provider_jsms.api.calls import submit_schedule
from airflow_provider_jsms.api.entries import TEMP_PARA, TEXTS, entry_of, is_missing
from airflow_provider_jsms.api.masking import mask_text
from airflow_provider_jsms.api.recipients import Unusable
from airflow_provider_jsms.api.send_time import parse_send_time
from airflow_provider_jsms.api.send_window import ALWAYS
from airflow_provider_jsms.exceptions import JsmsInputError
from airflow_provider_jsms.submission.reconciling.plan import Text
from airflow_provider_jsms.submission.records.fingerprint import fingerprint_of

if TYPE_CHECKING:
    from airflow_provider_jsms.api.entries import Source
    from airflow_provider_jsms.api.send_window import SendWindow
    from airflow_provider_jsms.hooks.connection import JsmsSettings


def read_texts(
    source: Source, settings: JsmsSettings, send_window: SendWindow = ALWAYS
) -> list[Text]:
    """Return the validated texts of a list, in the given order.

    :param send_window: moves or refuses the times outside it.
    :raises JsmsInputError: some rows are unusable, or repeat a key.
    """
    texts: list[Text] = []
    places: dict[str, int] = {}
    unusable = Unusable()
    for place, entry in source:
        try:
            text = text_of_entry(entry, settings, send_window)
            if (first := places.setdefault(text.key, place)) != place:
                raise JsmsInputError(  # noqa: TRY301  like the flaws of a row alone
                    f"its key {mask_text(text.key)!r} is that of {source.place} {first} too."
                )
        except JsmsInputError as error:
            unusable.add(place, error)
        else:
            texts.append(text)
    if unusable.count:
        raise unusable.error(source, len(texts), lambda _: "texts")
    return texts


def text_of_entry(entry: object, settings: JsmsSettings, send_window: SendWindow = ALWAYS) -> Text:
    """Return one validated text.

    :param entry: ``{"key", "send_time", "mobile", "temp_id", "sign_id", "temp_para"}``; or a row
        whose other columns are the parameters; or the error of a row.
    """
    fields = _fields(entry)
    key = once_key_of(fields["key"], "key")
    call = submit_schedule(
        send_time=send_window.fit(parse_send_time(fields["send_time"], settings.zone)),
        mobile=fields["mobile"],
        temp_id=fields["temp_id"],
        sign_id=fields.get("sign_id"),
        temp_para=fields[TEMP_PARA],
    )
    return Text(key, call, fingerprint_of(call, settings))


def _fields(entry: object) -> dict[str, Any]:
    if isinstance(entry, Mapping) and TEMP_PARA not in entry:
        entry = entry_of(entry, TEXTS)
    if isinstance(entry, JsmsInputError):
        raise entry
    if not isinstance(entry, Mapping):
        raise JsmsInputError(
            f"it is a {type(entry).__name__}: a dictionary with {', '.join(TEXTS.required)} is "
            "needed."
        )
    if lacking := [name for name in TEXTS.required if name not in entry]:
        raise JsmsInputError(f"it has no {' and no '.join(lacking)}.")
    if unknown := [mask_text(name) for name in entry if name not in (*TEXTS.fields, TEMP_PARA)]:
        raise JsmsInputError(
            f"a text with temp_para has its parameters there, but this one also has "
            f"{', '.join(unknown)}."
        )
    # An empty cell of a frame is not a number.
    return {name: None if is_missing(value) else value for name, value in entry.items()}
