"""A burst of deliveries beside workers: nothing lost, nothing done twice."""

import time
from collections import Counter

from packistry.app import make_app
from packistry.jobs.worker import Workers
from packistry.models import SyncState
from tests import burst
from tests.faulty import commit_of
from tests.hooked import Hooking

DELIVERIES = 120
THREADS = 4
SECONDS = 60


def settled(hooks: Hooking) -> bool:
    over = (SyncState.DONE, SyncState.FAILED)
    return all(sync.state in over for sync in hooks.owed())


def test_a_burst_leaves_what_the_host_has(hooks: Hooking) -> None:
    package = hooks.added()
    application = make_app(hooks.runtime)
    workers = Workers(hooks.runtime, 2, look_seconds=0.05)
    workers.start()
    try:
        done = burst.run(hooks, application, DELIVERIES, THREADS)
        deadline = time.monotonic() + SECONDS
        while not settled(hooks) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        workers.stop()
        application.close()
    true = DELIVERIES - DELIVERIES // 10 - DELIVERIES // 3
    # Of a delivery and its copy, either may come first.
    taken = done.statuses[burst.TRUE] + done.statuses[burst.AGAIN]
    assert taken == Counter({202: true, 200: DELIVERIES // 3})
    assert done.statuses[burst.FORGED] == Counter({401: DELIVERIES // 10})
    verdicts = Counter(str(row.verdict) for row in hooks.deliveries())
    assert verdicts["accepted"] == true
    assert {sync.state for sync in hooks.owed()} == {SyncState.DONE}
    assert len(hooks.owed()) < true
    served = {row.ref: row.reference for row in hooks.versions(package).values()}
    assert served == {name: commit_of(files) for name, files in hooks.host.refs.items()}


def test_a_burst_of_signed_pushes_makes_two_syncs_at_most(hooks: Hooking) -> None:
    package = hooks.added()
    sync = hooks.request(package)
    application = make_app(hooks.runtime)
    try:
        burst.run(hooks, application, DELIVERIES, THREADS)
        # The one that waited, which none had to add to.
        assert hooks.owed() == []
        with hooks.runtime.transaction() as services:
            assert services.ledger.claim(sync, "somebody") is not None
        burst.run(hooks, application, DELIVERIES, THREADS)
        assert len(hooks.owed()) == 1
    finally:
        application.close()
