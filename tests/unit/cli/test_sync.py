from typing import Any

import pytest


@pytest.fixture
def sync_id(cli: Any, upstream: Any) -> str:
    """A sync of acme/lib that is done."""
    cli.ok("repository", "add", "main")
    cli.ok("source", "add", "git", "--provider", "git")
    where = ("--repository", "", "--source", "git")
    cli.ok("package", "add", *where, str(upstream.path), "--wait")
    return str(cli.json("sync", "list", "--package", "acme/lib")[0]["id"])


def test_a_sync_is_listed_and_shown(cli: Any, sync_id: str) -> None:
    assert "acme/lib" in cli.ok("sync", "list", "--state", "done")
    facts = cli.json("sync", "show", sync_id)
    assert {ref["ref"] for ref in facts["refs"]} == {"main", "v1.0.0"}
    assert "v1.0.0" in cli.ok("sync", "show", sync_id)


def test_a_sync_is_retried(cli: Any, sync_id: str) -> None:
    assert "nothing had changed" in cli.ok("sync", "retry", sync_id, "--wait")


def test_a_waiting_sync_is_cancelled(cli: Any, sync_id: str) -> None:
    (asked,) = cli.json("package", "sync", "acme/lib")
    cli.ok("sync", "cancel", str(asked["id"]))
    assert cli.json("sync", "show", str(asked["id"]))["state"] == "cancelled"
    assert "it is done" in cli.fails("sync", "cancel", sync_id)
