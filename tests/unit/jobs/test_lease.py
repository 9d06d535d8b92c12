from datetime import timedelta

import pytest

from packistry import process
from packistry.jobs import lease
from packistry.models import Lease
from packistry.models.base import now
from packistry.runtime import Runtime

HERE, _, _REST = process.identity().partition("/")
BOOT = _REST.partition("/")[0]
DEAD = f"{HERE}/{BOOT}/999999999/1"
ELSEWHERE = f"another-host/{BOOT}/1/1"
ME = process.identity()


def take(runtime: Runtime, owner: str) -> bool:
    with runtime.transaction() as services:
        return lease.take(services.session, "scheduler", owner, 60)


def expire(runtime: Runtime) -> None:
    with runtime.transaction() as services:
        services.session.get_one(Lease, "scheduler").until = now() - timedelta(seconds=1)


def test_a_duty_nobody_has_is_taken(runtime):
    assert take(runtime, ME)


def test_the_holder_renews_it(runtime):
    take(runtime, ME)
    assert take(runtime, ME)


def test_nobody_else_gets_it_while_it_is_held(runtime):
    take(runtime, ME)
    assert not take(runtime, ELSEWHERE)


def test_another_takes_over_when_it_ran_out(runtime):
    take(runtime, ELSEWHERE)
    expire(runtime)
    assert take(runtime, ME)
    assert not take(runtime, ELSEWHERE)


def test_another_takes_over_at_once_when_the_holder_is_dead(runtime):
    take(runtime, DEAD)
    assert take(runtime, ME)


@pytest.mark.parametrize(
    ("owner", "free"), [(ELSEWHERE, True), (ME, False)], ids=["holder", "other"]
)
def test_only_the_holder_can_give_it_back(runtime, owner, free):
    take(runtime, ELSEWHERE)
    with runtime.transaction() as services:
        lease.give_back(services.session, "scheduler", owner)
    assert take(runtime, ME) is free
