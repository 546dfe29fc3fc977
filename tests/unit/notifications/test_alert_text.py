"""The text of an alert: what JSMS would refuse is left out, and the log says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_jsms.exceptions import JsmsInputError
from tests import people
from tests.unit.notifications.notifying import bodies, context, names, notifier

if TYPE_CHECKING:
    from airflow_provider_jsms.sandbox.control import SandboxControl

C = people.CANARY


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("【订单】失败", "[订单]失败"),
        ("line 1\r\n\tline 2\u2028\x00\x1b[31m end \n", "line 1 line 2 [31m end"),
        ("half \ud83d of one", "half ? of one"),
        *(
            (text, "-")
            for text in ("", " \n", "\u200b", None, "{{ none }}", "{{ 1 / 0 }}", "{{ oops")
        ),
        *((7, "7"), (ValueError("no rows"), "no rows")),
        ("x" * 1000, "x" * 190 + "…"),
        ("x" * 100 + " " * 100 + "y", "x" * 100 + " y"),
    ],
)
def test_an_alert_is_sent_with_what_can_be_sent(
    given: object, sent: str, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sandbox.template(2, text="{{name}} {{why}}")
    parameters = {"name": f"{C}-12", "why": given}  # 9 characters
    notifier(temp_para=parameters)({**context(), "conf": {}, "empty": ""})
    ((body),) = bodies(sandbox)
    assert body["temp_para"] == {"name": f"{C}-12", "why": sent}
    sandbox.advance(120)
    assert len(sandbox.messages()) == 1
    is_logged = "temp_para['why']" in caplog.text
    assert is_logged == (sent == "-" or sent.endswith("…"))
    assert "'name'" not in caplog.text


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("{{ nothing }}", "could not be rendered (UndefinedError: 'nothing' is undefined)"),
        ("{{ conf.x }}", "could not be rendered (UndefinedError: 'dict object' has no attribute"),
        (f"{{{{ conf['{C}-x'] }}}}", "could not be rendered (UndefinedError)"),
        (f"{{{{ raise_('{C}-x') }}}}", "could not be rendered (ValueError)"),
        (f"{{{{ '{C}-x' }}", "could not be rendered (TemplateSyntaxError)"),
        ("", "is empty"),
        (f"{C}-{'x' * 493}", "was cut from 500 to 199 characters"),
    ],
)
def test_the_log_names_the_parameter_that_is_not_sent_whole(
    given: str, why: str, sandbox: SandboxControl, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_(text: str) -> None:
        raise ValueError(text)

    caplog.set_level(logging.INFO)
    parameters = {"name": "x", "why": given}
    notifier(temp_para=parameters)({**context(), "conf": {}, "raise_": raise_})
    (record,) = [each for each in caplog.records if each.name.endswith("fields")]
    assert record.getMessage().startswith(f"temp_para['why'] {why}")
    assert len(bodies(sandbox)) == 1


@pytest.mark.parametrize(
    ("lengths", "max_length", "sent"),
    [
        *(((300, 300, 5), 200, (97, 97, 5)), ((300, 100, 100), 300, (100, 100, 100))),
        *(((150, 50), 200, (150, 50)), ((151, 50), 200, (150, 50)), ((10, 10, 10), 2, (1, 1, 1))),
    ],
)
def test_the_longest_parameters_are_cut_to_fit_together(
    lengths: tuple[int, ...], max_length: int, sent: tuple[int, ...], sandbox: SandboxControl
) -> None:
    parameters = {f"p{index}": "x" * length for index, length in enumerate(lengths)}
    notifier(temp_id=1, temp_para=parameters, max_length=max_length)(context())
    ((body),) = bodies(sandbox)
    assert tuple(map(len, body["temp_para"].values())) == sent


@pytest.mark.parametrize("max_length", [0, 501, "200"])
def test_a_max_length_that_is_invalid_is_refused(max_length: Any) -> None:
    with pytest.raises(JsmsInputError, match="use a whole number of characters from 1 to 500"):
        notifier(max_length=max_length)


@pytest.mark.parametrize("text", ["{{ para }}", "{{ para | tojson }}"])
def test_parameters_that_a_template_made_a_text_of_are_taken(
    text: str, sandbox: SandboxControl
) -> None:
    notifier(temp_para=text)({**context(), "para": {"name": f"{C}-r1"}})
    assert names(sandbox) == ["r1"]
