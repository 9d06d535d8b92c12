from datetime import timedelta
from typing import Any

import pytest

from packistry.models import Throttle
from packistry.models.base import now
from packistry.services import throttle
from packistry.services.throttle import Throttled

HERE, THERE = "192.0.2.7", "198.51.100.1"


def fail(services: Any, times: int, account: str = "ada@x.org", address: str = THERE) -> None:
    for _ in range(times):
        services.throttles.attempt(account, address)


def waits(services: Any, account: str = "ada@x.org", address: str = THERE) -> int:
    with pytest.raises(Throttled) as caught:
        services.throttles.attempt(account, address)
    return caught.value.retry_after


def later(monkeypatch: Any, **after: Any) -> None:
    moment = now() + timedelta(**after)
    monkeypatch.setattr(throttle, "now", lambda: moment)


def test_the_sixth_attempt_waits_from_any_address(services):
    fail(services, 5)
    assert waits(services) == 1
    assert waits(services, address=HERE) == 1


def test_whether_there_is_such_an_account_makes_no_difference(services):
    fail(services, 5, account="nobody@x.org")
    assert waits(services, account="nobody@x.org") == 1


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour(services, monkeypatch):
    fail(services, 5)
    found = []
    moment = now()
    for _ in range(12):
        moment += timedelta(minutes=16)
        monkeypatch.setattr(throttle, "now", lambda moment=moment: moment)
        fail(services, 1)
        found.append(waits(services))
    assert found == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_an_owner_is_not_locked_out_of_where_they_have_signed_in(services):
    services.throttles.succeeded("ada@x.org", HERE)
    fail(services, 5)
    waits(services)
    services.throttles.attempt("ada@x.org", HERE)


def test_a_known_address_has_no_more_tries_than_another(services):
    services.throttles.succeeded("ada@x.org", HERE)
    fail(services, 5, address=HERE)
    waits(services, address=HERE)


def test_success_forgets_the_failures(services):
    fail(services, 4)
    services.throttles.succeeded("ada@x.org", THERE)
    fail(services, 5)
    waits(services)


def test_an_address_that_tries_one_account_after_another_waits(services):
    for number in range(20):
        fail(services, 1, account=f"{number}@x.org")
    waits(services, account="another@x.org")


def test_a_day_without_failures_is_a_new_beginning(services, monkeypatch):
    fail(services, 5)
    later(monkeypatch, days=1, seconds=1)
    fail(services, 5)


def test_the_table_does_not_say_who_tried(services):
    fail(services, 1)
    rows = services.session.query(Throttle).all()
    assert all("ada" not in row.key and THERE not in row.key for row in rows)


def test_what_counts_no_more_is_removed(services, monkeypatch):
    fail(services, 1)
    services.throttles.succeeded("jo@x.org", HERE)
    later(monkeypatch, days=2)
    services.throttles.forget()
    assert services.session.query(Throttle).count() == 1


def test_the_pace_is_counted_by_the_minute(services, monkeypatch):
    monkeypatch.setattr(throttle, "PACE", 2)
    for _ in range(2):
        services.throttles.pace(THERE)
    with pytest.raises(Throttled) as caught:
        services.throttles.pace(THERE)
    services.throttles.pace(HERE)
    later(monkeypatch, seconds=caught.value.retry_after)
    services.throttles.pace(THERE)
