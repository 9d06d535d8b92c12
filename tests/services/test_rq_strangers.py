"""A stranger in Redis, and one who reads it: neither gets anything out of us."""

import json
import os
import pickle
import socket
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from packistry import jobs
from packistry.models import Source, Sync
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.context import secrets_place
from packistry.settings import Settings
from tests.services.working import status, work

CANARY = "c4nary-t0ken-of-the-host"


@pytest.fixture
def settings(settings: Settings, redis_url: str, memory: Any) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(redis_url)})


def forge(memory: Any, data: bytes, **fields: str | bytes) -> str:
    """Put a job into our queue as a stranger would: straight into Redis."""
    name = "forged"
    stamp = now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    job: dict[Any, Any] = {
        "data": zlib.compress(data),
        "created_at": stamp,
        "enqueued_at": stamp,
        "origin": "packistry",
        "status": "queued",
        "timeout": "60",
        **fields,
    }
    memory.hset(f"rq:job:{name}", mapping=job)
    memory.sadd("rq:queues", "rq:queue:packistry")
    memory.rpush("rq:queue:packistry", name)
    return name


def call(function: Any, *arguments: Any, instance: Any = None, **named: Any) -> bytes:
    return json.dumps([function, instance, arguments, named]).encode()


def dump(memory: Any) -> bytes:
    """Everything that is in Redis, with what is compressed as it was before."""
    found = []
    for key in memory.scan_iter():
        found.append(key)
        kind = memory.type(key)
        if kind == b"hash":
            found += [part for pair in memory.hgetall(key).items() for part in pair]
        elif kind == b"list":
            found += memory.lrange(key, 0, -1)
        elif kind == b"set":
            found += memory.smembers(key)
        elif kind == b"zset":
            found += memory.zrange(key, 0, -1)
        elif kind == b"stream":
            found += [
                part for _id, row in memory.xrange(key) for pair in row.items() for part in pair
            ]
        else:
            found.append(memory.get(key) or b"")
    return b"\n".join(found + [_inflated(part) for part in found])


def _inflated(part: bytes) -> bytes:
    try:
        return zlib.decompress(part)
    except zlib.error:
        return b""


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_put_into_our_queue_fails_as_data_and_runs_nothing(runtime, memory, marker):
    data = pickle.dumps(("sync", None, (Bomb(marker),), {}))
    name = forge(memory, data)
    work(runtime)
    assert status(memory, name) == "failed"
    assert not marker.exists()


def test_a_forged_job_naming_os_system_fails_and_runs_nothing(runtime, memory, marker):
    name = forge(memory, call("os.system", f"touch {marker}"))
    work(runtime)
    assert status(memory, name) == "failed"
    assert not marker.exists()


CALLBACKS = ("success_callback_name", "failure_callback_name", "stopped_callback_name")


@pytest.mark.parametrize("field", CALLBACKS)
def test_a_forged_job_with_an_on_success_fails_and_runs_nothing(
    runtime, memory, marker, monkeypatch, tmp_path, field
):
    # RQ imports a callback by name: this module leaves a mark when that happens.
    (tmp_path / "strange.py").write_text(f"open({str(marker)!r}, 'w').close()\ndef act(*_): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    ran = tmp_path / "sync-ran"
    monkeypatch.setattr(jobs, "JOBS", {"sync": lambda _runtime, _id: ran.touch()})
    name = forge(memory, call("sync", 1), **{field: "strange.act"})
    work(runtime)
    assert status(memory, name) == "failed"
    assert not marker.exists()
    assert not ran.exists()


def test_a_forged_webhook_contacts_nobody(runtime, memory):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        hooks = [{"url": url, "job_status": each} for each in ("finished", "failed")]
        name = forge(memory, call("sync", 1), webhooks=json.dumps(hooks))
        work(runtime)
        assert status(memory, name) == "failed"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        call("sync", 1, instance="posix"),
        call("sync", 1, more=2),
        call("sync", [1]),
        call("sync", {"a": 1}),
        call("sync", True),
        call(None),
        call(["sync"], 1),
        call("packistry.jobs.run", "sync"),
        call("__class__"),
    ],
)
def test_a_job_we_never_sent_fails(runtime, memory, data):
    name = forge(memory, data)
    work(runtime)
    assert status(memory, name) == "failed"


@pytest.mark.parametrize("field", ["timeout", "result_ttl", "retries_left", "created_at"])
def test_a_job_with_rubbish_in_it_does_not_end_the_worker(
    runtime, memory, monkeypatch, marker, field
):
    monkeypatch.setattr(jobs, "JOBS", {"sync": lambda _runtime, _id: marker.touch()})
    forge(memory, call("sync", 1), **{field: b"\xff rubbish"})
    runtime.queue.send("sync", 7)
    work(runtime)
    assert marker.exists()


def seal(runtime: Runtime, **secrets: str) -> None:
    with runtime.transaction() as services:
        source = services.session.query(Source).one()
        source.secrets = runtime.secrets.seal(secrets, secrets_place(source))


def test_a_dump_of_redis_after_a_failed_sync_holds_no_secret(runtime, memory, sync_id):
    seal(runtime, password=CANARY)
    runtime.queue.send("sync", sync_id)
    work(runtime)
    with runtime.transaction() as services:
        assert services.session.get_one(Sync, sync_id).error
    everything = dump(memory)
    assert b"rq:" in everything
    assert CANARY.encode() not in everything


def test_a_dump_of_redis_after_a_plugin_raised_a_secret_holds_none(runtime, memory, monkeypatch):
    def fail(_runtime: Runtime, _sync_id: int) -> None:
        raise ValueError(f"https://user:{CANARY}@host/")

    monkeypatch.setattr(jobs, "JOBS", {"sync": fail})
    runtime.queue.send("sync", 1)
    work(runtime)
    assert CANARY.encode() not in dump(memory)


def test_a_dump_of_redis_after_rq_itself_failed_a_job_holds_no_secret(runtime, memory, monkeypatch):
    def fail(*_arguments: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(jobs, "run", fail)
    runtime.queue.send("sync", 1)
    work(runtime)
    everything = dump(memory)
    assert status(memory, "sync-1") == "failed"
    assert CANARY.encode() not in everything
