import threading
import time

import pytest
import transaction

from packistry.queue import EmbeddedQueue, Job, connect
from packistry.queue.embedded import MOST
from packistry.settings import Settings


@pytest.fixture
def queue() -> EmbeddedQueue:
    return EmbeddedQueue()


def taken(queue: EmbeddedQueue) -> list[str]:
    found = []
    while job := queue.take():
        found.append(str(job))
    return found


def test_jobs_come_out_in_the_order_they_were_sent(queue):
    queue.send("sync", 2)
    queue.send("build_dist", 7)
    queue.send("sync", 1)
    assert taken(queue) == ["sync(2)", "build_dist(7)", "sync(1)"]


def test_a_job_that_waits_is_not_added_twice(queue):
    queue.send("sync", 2)
    queue.send("sync", 2)
    assert taken(queue) == ["sync(2)"]


def test_a_job_that_was_taken_can_be_sent_again(queue):
    queue.send("sync", 2)
    taken(queue)
    queue.send("sync", 2)
    assert taken(queue) == ["sync(2)"]


def test_a_job_is_sent_when_the_transaction_commits(queue):
    with transaction.manager:
        queue.enqueue("sync", 2)
        assert taken(queue) == []
    assert taken(queue) == ["sync(2)"]


def test_a_job_is_not_sent_when_the_transaction_aborts(queue):
    transaction.begin()
    queue.enqueue("sync", 2)
    transaction.abort()
    assert taken(queue) == []


def test_a_process_without_workers_keeps_its_memory(queue):
    for number in range(MOST + 5):
        queue.send("sync", number)
    assert len(queue) == MOST
    assert queue.take() == Job(name="sync", arguments=(5,))


def test_a_waiting_thread_gets_a_job_at_once(queue):
    got = []
    thread = threading.Thread(target=lambda: got.append(queue.take(30)))
    thread.start()
    began = time.monotonic()
    queue.send("sync", 3)
    thread.join(30)
    assert got == [Job(name="sync", arguments=(3,))]
    assert time.monotonic() - began < 5


def test_waking_lets_a_waiting_thread_go(queue):
    thread = threading.Thread(target=queue.take, args=(30,))
    thread.start()
    while thread.is_alive():
        queue.wake()
        thread.join(0.01)
    assert queue.take() is None


def test_without_redis_jobs_are_in_memory():
    assert isinstance(connect(Settings()), EmbeddedQueue)
