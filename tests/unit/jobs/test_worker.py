"""Worker threads, with jobs of the test's own in place of the real ones."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from packistry import jobs
from packistry.jobs.worker import Workers
from packistry.runtime import Runtime

SOON = 20.0


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def done() -> list[object]:
    return []


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Jobs named "hold" wait for this."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def table(monkeypatch, done: list[object], hold: threading.Event) -> None:
    def note(_runtime: Runtime, number: int) -> None:
        done.append(number)

    def leave(_runtime: Runtime) -> None:
        raise SystemExit("a plugin said so")

    def break_(_runtime: Runtime) -> None:
        raise ZeroDivisionError

    def wait(_runtime: Runtime, number: int) -> None:
        done.append(f"began {number}")
        hold.wait(SOON)
        done.append(f"ended {number}")

    own = {"note": note, "leave": leave, "break": break_, "hold": wait}
    monkeypatch.setattr(jobs, "JOBS", own)


@pytest.fixture
def workers(
    runtime: Runtime, table: None, hold: threading.Event
) -> Iterator[Callable[..., Workers]]:
    started = []

    def start(count: int = 1, **options: float) -> Workers:
        workers = Workers(runtime, count, look_seconds=0.05, **options)
        workers.start()
        started.append(workers)
        return workers

    yield start
    hold.set()
    for each in started:
        each.stop()


def test_a_job_that_is_sent_is_run(runtime, workers, done):
    workers()
    runtime.queue.send("note", 1)
    wait_until(lambda: done == [1])


@pytest.mark.parametrize("name", ["leave", "break", "nonsense"])
def test_a_worker_lives_on_after_a_job_that(runtime, workers, done, name):
    workers()
    runtime.queue.send(name)
    runtime.queue.send("note", 2)
    wait_until(lambda: done == [2])


def test_a_failing_job_is_logged_with_its_name_and_ids(runtime, table, done, caplog, monkeypatch):
    def fail(_runtime: Runtime, _number: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(jobs.JOBS, "fail", fail)
    assert jobs.run(runtime, "fail", 42) is False
    assert "fail(42)" in caplog.text


def test_two_workers_run_two_jobs_at_once(runtime, workers, done, hold):
    workers(2)
    runtime.queue.send("hold", 1)
    runtime.queue.send("hold", 2)
    wait_until(lambda: sorted(map(str, done)) == ["began 1", "began 2"])


def test_the_same_job_does_not_run_twice_at_once(runtime, workers, done, hold):
    workers(2)
    runtime.queue.send("hold", 1)
    wait_until(lambda: done == ["began 1"])
    runtime.queue.send("hold", 1)
    runtime.queue.send("note", 5)
    wait_until(lambda: 5 in done)
    assert done == ["began 1", 5]


def test_stopping_waits_for_the_job_that_runs(runtime, workers, done, hold):
    ours = workers()
    runtime.queue.send("hold", 1)
    wait_until(lambda: done)
    threading.Timer(0.1, hold.set).start()
    assert ours.stop(SOON)
    assert done == ["began 1", "ended 1"]


def test_stopping_does_not_wait_for_ever(runtime, workers, done, hold, caplog):
    ours = workers()
    runtime.queue.send("hold", 1)
    wait_until(lambda: done)
    assert not ours.stop(0.05)
    assert "hold(1)" in caplog.text


def test_stopped_workers_take_no_more_jobs(runtime, workers, done):
    workers().stop()
    runtime.queue.send("note", 1)
    time.sleep(0.2)
    assert done == []


def test_a_job_that_hangs_does_not_keep_others_from_running(runtime, workers, done, hold, caplog):
    workers(1, job_limit=0.1)
    runtime.queue.send("hold", 1)
    runtime.queue.send("note", 2)
    wait_until(lambda: 2 in done)
    assert "hangs" in caplog.text


def test_a_process_without_workers_runs_its_own_jobs_when_told(runtime, table, done):
    runtime.queue.send("note", 1)
    runtime.queue.send("note", 2)
    assert jobs.drain(runtime) == 2
    assert done == [1, 2]


def test_a_job_nobody_knows_is_refused(runtime, table):
    with pytest.raises(jobs.UnknownJob):
        jobs.run(runtime, "os.system", "true")
