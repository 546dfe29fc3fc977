"""How many refused recipients a batch tolerates, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_jsms.api.results import read_batch_result
from airflow_provider_jsms.exceptions import JsmsInputError, JsmsRefusedRecipientsError
from airflow_provider_jsms.submission.lists.refusals import FailureLimit, describe_failures
from tests import people

if TYPE_CHECKING:
    from airflow_provider_jsms.api.results import BatchResult, FailedRecipient


def refused(index: int, code: int | None = 50006) -> FailedRecipient:
    return {
        "mobile": people.number(index),
        "temp_para": {"name": f"{people.CANARY}-{index}"},
        "error_code": code,
        "error_message": f"{people.CANARY}-message",
    }


def result(accepted: int, failed: int, schedule_id: str | None = "the-id") -> BatchResult:
    return {
        "schedule_id": schedule_id,
        "success_count": accepted,
        "failure_count": failed,
        "failure_recipients": [refused(index) for index in range(failed)],
    }


# max_failures, recipients, the highest number of refused ones that passes
EDGES = [
    (0, 10, 0),
    ("0", 10, 0),
    ("00", 10, 0),
    (1, 10, 1),
    ("3", 10, 3),
    (9, 10, 9),
    ("0%", 1000, 0),
    ("0.0%", 1000, 0),
    ("7%", 100, 7),
    ("7%", 99, 6),
    ("29%", 100, 29),
    ("57%", 100, 57),
    ("58%", 100, 58),
    ("1.1%", 1000, 11),
    ("0.1%", 1000, 1),
    ("0.1%", 999, 0),
    ("33.3333%", 3, 0),
    ("33.34%", 3, 1),
    ("05%", 100, 5),
    ("99.99%", 10_000, 9999),
]


@pytest.mark.parametrize(("max_failures", "total", "most"), EDGES)
def test_the_limit_holds_exactly_at_its_edge(max_failures: object, total: int, most: int) -> None:
    limit = FailureLimit(max_failures)
    limit.check(result(total - most, most))
    with pytest.raises(JsmsRefusedRecipientsError):
        limit.check(result(total - most - 1, most + 1))


@pytest.mark.parametrize("share", range(100))
def test_a_share_of_a_hundred_is_its_own_number(share: int) -> None:
    limit = FailureLimit(f"{share}%")
    limit.check(result(100 - share, share))
    with pytest.raises(JsmsRefusedRecipientsError):
        limit.check(result(99 - share, share + 1))


@pytest.mark.parametrize("max_failures", [2, "2", 10**6, "100%", "100.00%"])
@pytest.mark.parametrize("schedule_id", [None, "the-id"])
def test_all_refused_fails_whatever_is_tolerated(
    max_failures: object, schedule_id: str | None
) -> None:
    with pytest.raises(JsmsRefusedRecipientsError, match=r"refused 2 of 2 .*nobody is scheduled"):
        FailureLimit(max_failures).check(result(0, 2, schedule_id))


@pytest.mark.parametrize("max_failures", [0, "100%"])
def test_nobody_refused_passes(max_failures: object) -> None:
    FailureLimit(max_failures).check(result(5, 0))


@pytest.mark.parametrize(
    "max_failures",
    [
        *(-1, "-1", 1.0, 0.05, "0.05", "1.5", None, True, False, "", " ", "5 %", " 5%", "5%\n"),
        *("%", "101%", "100.1%", "1000%", "-1%", "+1", "1e1", "five", "٥", "５%", "5%%", "5.%"),
        *([], [1], {}, b"5", float("nan"), "0x1"),
    ],
)
def test_anything_but_a_count_or_a_share_is_refused_before_anything_is_sent(
    max_failures: object,
) -> None:
    with pytest.raises(JsmsInputError, match=r"max_failures .* neither a count") as caught:
        FailureLimit(max_failures)
    assert "Nothing was sent" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_text_says_how_many_why_and_what_stays_scheduled() -> None:
    with pytest.raises(JsmsRefusedRecipientsError) as caught:
        FailureLimit("1%").check(result(3, 2))
    text = str(caught.value)
    assert "refused 2 of 5 recipients (max_failures is 1%)" in text
    assert "3 are scheduled under the-id and stay scheduled" in text
    assert "2 × 50006 (the phone number is invalid)" in text
    assert "138****0000: 50006" in text
    assert "failure_recipients" in text


def test_the_description_shows_ten_masked_and_counts_the_rest_by_code() -> None:
    failures = [refused(index, 50006 if index < 9 else 50024) for index in range(12)]
    lines = describe_failures(failures).splitlines()
    assert lines[0].startswith("9 × 50006")
    assert lines[1].startswith("3 × 50024")
    assert lines[2:12] == [
        f"138****{index:04d}: {50006 if index < 9 else 50024}" for index in range(10)
    ]
    assert lines[12:] == ["and 2 more"]
    assert len(describe_failures(failures[:10]).splitlines()) == 12


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "1 × no readable code"),
        (50999, "1 × 50999 (an unknown code)"),
        (50034, "1 × 50034 (the same text to the same number was filtered as a repetition)"),
    ],
)
def test_every_kind_of_code_is_told(code: int | None, said: str) -> None:
    assert describe_failures([refused(1, code)]).splitlines()[0] == said


def test_nothing_personal_is_told() -> None:
    answer = {"failure_recipients": [refused(1, int(people.ANNA)), refused(2)]}
    text = describe_failures(read_batch_result(answer, 2)["failure_recipients"])
    assert people.number(2) not in text
    assert people.CANARY not in text
    assert people.ANNA not in text, "a number that JSMS sent as a code is told in full"


def test_no_refusals_are_told_as_nothing() -> None:
    assert describe_failures([]) == ""
