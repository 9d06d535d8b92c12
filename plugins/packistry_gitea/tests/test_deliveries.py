"""What Gitea and Forgejo recorded, as it arrives."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import pytest

from packistry.plugin import (
    Change,
    InvalidWebhook,
    ProjectChanged,
    ProjectGone,
    RefDeleted,
    RefKind,
    RefPushed,
    WebhookRequest,
)
from plugins.packistry_gitea.tests.host import data

SECRET = "It's a Secret to Everybody"
TAG, BRANCH = RefKind.TAG, RefKind.BRANCH


def digest(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def delivery(event: str, payload: Any, **headers: str) -> WebhookRequest:
    body = json.dumps(payload).encode()
    given = headers or {"X-Gitea-Event": event, "X-Gitea-Signature": digest(body)}
    return WebhookRequest(headers=given, body=body)


@pytest.fixture
def meaning(gitea):
    def receive(event: str, payload: Any) -> Sequence[Change]:
        return tuple(gitea.receive_webhook(delivery(event, payload), SECRET))

    return receive


def pushed(kind: RefKind, name: str) -> Change:
    return RefPushed(project_id="61", kind=kind, name=name)


def deleted(kind: RefKind, name: str) -> Change:
    return RefDeleted(project_id="61", kind=kind, name=name)


@pytest.mark.parametrize(
    ("file", "event", "change"),
    [
        ("push", "push", pushed(BRANCH, "master")),
        ("branch_create", "create", pushed(BRANCH, "feature")),
        ("branch_delete", "delete", deleted(BRANCH, "feature")),
        ("tag_create", "create", pushed(TAG, "v1.0.0")),
        ("tag_delete", "delete", deleted(TAG, "v1.0.0")),
    ],
)
def test_recorded_deliveries_are_understood(meaning, file, event, change):
    assert meaning(event, data(f"webhooks/{file}.json")) == (change,)


@pytest.mark.parametrize("event", ["create", "delete"])
def test_a_version_may_name_the_ref_in_full(meaning, event):
    payload = {**data(f"webhooks/tag_{event}.json"), "ref": "refs/tags/v1.0.0"}
    assert meaning(event, payload) == meaning(event, data(f"webhooks/tag_{event}.json"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ref": "refs/tags/v1.0.0", "before": "0" * 40}, pushed(TAG, "v1.0.0")),
        ({"ref": "refs/tags/v1.0.0", "after": "0" * 40}, deleted(TAG, "v1.0.0")),
        ({"ref": "refs/heads/a/b", "after": "0" * 64}, deleted(BRANCH, "a/b")),
    ],
)
def test_a_push_tells_of_tags_that_appear_and_go(meaning, change, expected):
    assert meaning("push", {**data("webhooks/push.json"), **change}) == (expected,)


def test_the_test_that_an_administrator_sends_is_a_push_that_changes_nothing(meaning):
    push = data("webhooks/push.json")
    assert meaning("push", {**push, "before": push["after"]}) == (pushed(BRANCH, "master"),)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("deleted", (ProjectGone(project_id="61"),)),
        ("created", ()),
        ("renamed", (ProjectChanged(project_id="61"),)),
    ],
)
def test_a_repository_that_is_deleted_is_told(meaning, action, expected):
    repository = data("webhooks/push.json")["repository"]
    assert meaning("repository", {"action": action, "repository": repository}) == expected


@pytest.mark.parametrize("event", ["release", "issues", "pull_request", "package", "wiki", ""])
def test_other_events_do_not_matter(meaning, event):
    assert meaning(event, {"action": "published", "repository": {"id": 61}}) == ()


@pytest.mark.parametrize("repository", [None, [], {}, {"id": "61"}, {"id": True}])
def test_a_push_to_no_repository_is_refused(meaning, repository):
    with pytest.raises(InvalidWebhook, match="which repository"):
        meaning("push", {**data("webhooks/push.json"), "repository": repository})


@pytest.mark.parametrize(
    ("host_name", "header", "prefix"),
    [
        ("Gitea", "X-Gitea-Signature", ""),
        ("Forgejo", "X-Forgejo-Signature", ""),
        ("GitHub", "X-Hub-Signature-256", "sha256="),
        ("Gogs", "X-Gogs-Signature", ""),
    ],
)
def test_each_form_of_signature_and_header_is_understood(gitea, host_name, header, prefix):
    push = data("webhooks/push.json")
    signature = prefix + digest(json.dumps(push).encode())
    name = {f"X-{host_name}-Event": "push", f"X-{host_name}-Delivery": "f6266f16-1bf3-46a5"}
    genuine = delivery("", push, **{header: signature}, **name)
    assert list(gitea.receive_webhook(genuine, SECRET)) == [pushed(BRANCH, "master")]
    assert gitea.delivery_id(genuine) == "f6266f16-1bf3-46a5"


def test_a_webhook_without_a_secret_has_empty_signatures_and_is_refused(gitea):
    empty = {"X-Gitea-Signature": "", "X-Forgejo-Signature": "", "X-Hub-Signature-256": "sha256="}
    unsigned = delivery("", data("webhooks/push.json"), **empty, **{"X-Gitea-Event": "push"})
    for secret in ("", SECRET):
        with pytest.raises(InvalidWebhook, match="not signed"):
            gitea.receive_webhook(unsigned, secret)


def test_a_webhook_that_sends_forms_is_told_to_send_json(gitea):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Gitea-Event": "push"}
    with pytest.raises(InvalidWebhook, match="application/json"):
        gitea.receive_webhook(WebhookRequest(headers=headers, body=b"payload=%7B%7D"), SECRET)


def test_urls_in_a_payload_are_not_opened(gitea, host):
    payload = data("webhooks/push.json")
    payload["repository"]["clone_url"] = "https://evil.example/"
    gitea.receive_webhook(delivery("push", payload), SECRET)
    assert host.requests == []
