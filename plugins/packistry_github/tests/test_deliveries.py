"""What GitHub recorded and published, as it arrives."""

import gzip
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from packistry.plugin import (
    Change,
    InvalidWebhook,
    ProjectArchived,
    ProjectChanged,
    ProjectGone,
    ProjectRenamed,
    RefDeleted,
    RefKind,
    RefPushed,
    WebhookRequest,
)
from plugins.packistry_github.tests.host import DATA, data

SECRET = "It's a Secret to Everybody"
EXAMPLES = json.loads(gzip.decompress((DATA / "webhooks-examples.json.gz").read_bytes()))
TAG, BRANCH = RefKind.TAG, RefKind.BRANCH


def delivery(event: str, payload: Any, **headers: str) -> WebhookRequest:
    return signed(json.dumps(payload).encode(), {"X-GitHub-Event": event, **headers})


def signed(body: bytes, headers: dict[str, str], secret: str = SECRET) -> WebhookRequest:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return WebhookRequest(headers={"X-Hub-Signature-256": f"sha256={digest}", **headers}, body=body)


@pytest.fixture
def meaning(github):
    def receive(event: str, payload: Any) -> Sequence[Change]:
        return tuple(github.receive_webhook(delivery(event, payload), SECRET))

    return receive


def pushed(project: str, kind: RefKind, name: str) -> Change:
    return RefPushed(project_id=project, kind=kind, name=name)


def deleted(project: str, kind: RefKind, name: str) -> Change:
    return RefDeleted(project_id=project, kind=kind, name=name)


@pytest.mark.parametrize(
    ("file", "event", "change"),
    [
        ("push", "push", pushed("135493233", BRANCH, "master")),
        ("push_branch_create", "push", pushed("13933572", BRANCH, "feature-branch")),
        ("push_branch_delete", "push", deleted("13933572", BRANCH, "feature-branch")),
        ("push_tag", "push", pushed("13933572", TAG, "v0.0.1")),
        ("push_tag_delete", "push", deleted("13933572", TAG, "v0.0.1")),
        ("branch_create", "create", pushed("13933572", BRANCH, "feature-branch")),
        ("branch_delete", "delete", deleted("13933572", BRANCH, "feature-branch")),
        ("tag_create", "create", pushed("13933572", TAG, "v0.0.1")),
        ("tag_delete", "delete", deleted("13933572", TAG, "v0.0.1")),
    ],
)
def test_recorded_deliveries_are_understood(meaning, file, event, change):
    assert meaning(event, data(f"webhooks/{file}.json")) == (change,)


def test_each_published_example_has_its_meaning(meaning):
    assert len(EXAMPLES) > 300
    for example in EXAMPLES:
        event, payload = example["event"], example["payload"]
        assert list(meaning(event, payload)) == expected(event, payload), event


def expected(event: str, payload: Any) -> list[Change]:
    """Said again in the terms of the payload, for the events that matter."""
    if event not in ("push", "create", "delete", "repository", "public"):
        return []
    project = str(payload["repository"]["id"])
    if event == "push":
        kind = TAG if payload["ref"].startswith("refs/tags/") else BRANCH
        name = payload["ref"].split("/", 2)[2]
        return [(deleted if payload["deleted"] else pushed)(project, kind, name)]
    if event in ("create", "delete"):
        of = {"create": pushed, "delete": deleted}[event]
        return [of(project, RefKind(payload["ref_type"]), payload["ref"])]
    renamed = ProjectRenamed(project_id=project, path=payload["repository"]["full_name"])
    meanings: dict[str, list[Change]] = {
        "created": [],
        "deleted": [ProjectGone(project_id=project)],
        "renamed": [renamed],
        "transferred": [renamed],
    }
    return meanings.get(payload.get("action", ""), [ProjectChanged(project_id=project)])


@pytest.mark.parametrize(("action", "archived"), [("archived", True), ("unarchived", False)])
def test_archiving_is_told(meaning, action, archived):
    payload = {"action": action, "repository": {"id": 7, "full_name": "acme/lib"}}
    assert meaning("repository", payload) == (ProjectArchived(project_id="7", archived=archived),)


def test_a_branch_may_have_any_name_and_objects_any_hash(meaning):
    payload = {"ref": "refs/heads/feature/tags/é", "after": "0" * 64, "repository": {"id": 7}}
    assert meaning("push", payload) == (deleted("7", BRANCH, "feature/tags/é"),)


@pytest.mark.parametrize("ref", ["refs/notes/commits", "refs/pull/1/head", "refs/heads/", "", 5])
def test_refs_that_are_neither_branch_nor_tag_do_not_matter(meaning, ref):
    assert meaning("push", {"ref": ref, "after": "0" * 40, "repository": {"id": 7}}) == ()


@pytest.mark.parametrize("repository", [None, [], {}, {"id": "7"}, {"id": True}, {"id": None}])
def test_a_push_to_no_repository_is_refused(meaning, repository):
    with pytest.raises(InvalidWebhook, match="which repository"):
        meaning("push", {"ref": "refs/heads/main", "after": "1" * 40, "repository": repository})


def test_a_ping_means_nothing_also_that_of_an_organisation(meaning):
    assert meaning("ping", {"zen": "Design for failure.", "hook_id": 1}) == ()


def test_the_signature_is_as_github_documents_it(github):
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "push"}
    genuine = WebhookRequest(headers=headers, body=b"Hello, World!")
    with pytest.raises(InvalidWebhook, match="not JSON"):
        github.receive_webhook(genuine, SECRET)


def test_the_old_sha1_signature_is_not_enough(github):
    body = json.dumps(data("webhooks/push.json")).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    headers = {"X-Hub-Signature": f"sha1={digest}", "X-GitHub-Event": "push"}
    with pytest.raises(InvalidWebhook, match="not signed"):
        github.receive_webhook(WebhookRequest(headers=headers, body=body), SECRET)


def test_a_webhook_that_sends_forms_is_understood(github):
    body = urlencode({"payload": json.dumps(data("webhooks/push_tag.json"))}).encode()
    headers = {"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}
    found = github.receive_webhook(signed(body, headers), SECRET)
    assert list(found) == [pushed("13933572", TAG, "v0.0.1")]


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=%7B", b"\xff=1", b"&a=1" * 20])
def test_a_form_without_a_payload_is_refused(github, body):
    headers = {"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(InvalidWebhook, match="no JSON"):
        github.receive_webhook(signed(body, headers), SECRET)


def test_a_delivery_and_its_redelivery_have_the_same_id(github):
    headers = {"X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert github.delivery_id(delivery("push", {}, **headers)) == headers["X-GitHub-Delivery"]


def test_urls_in_a_payload_are_not_opened(github, host):
    payload = data("webhooks/push.json")
    payload["repository"]["url"] = "https://evil.example/"
    github.receive_webhook(delivery("push", payload), SECRET)
    assert host.requests == []
