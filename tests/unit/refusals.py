"""What holds for every argument that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.exceptions import JsmsInputError

if TYPE_CHECKING:
    from collections.abc import Callable


def refusal_of(function: Callable[..., object], *args: object, **kwargs: object) -> str:
    """Return the text of the refusal, after what holds for every one of them."""
    with pytest.raises(JsmsInputError) as caught:
        function(*args, **kwargs)
    text = str(caught.value)
    assert "othing was sent" in text
    return text
