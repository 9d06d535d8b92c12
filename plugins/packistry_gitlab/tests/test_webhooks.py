import base64
import hashlib
import hmac
import json
import time

import pytest

from packistry.plugin import (
    CredentialsError,
    InvalidWebhook,
    NotFound,
    ProjectChanged,
    ProjectGone,
    ProjectRenamed,
    RefDeleted,
    RefKind,
    RefPushed,
    Rejected,
    UnreadableWebhook,
    WebhookRequest,
)
from packistry_gitlab.webhooks import signing_token, verify
from plugins.packistry_gitlab.tests.host import DATA, place

SECRET = "7Jq0mW3J9cXv-a-secret-of-one-project"
HOOK = "https://packages.example.org/incoming/gitlab/1/a1b2c3"
RECORDED = {path.stem: path.read_bytes() for path in sorted((DATA / "webhooks").glob("*.json"))}
PROJECT = "4861503"


def token(body: bytes, secret: str = SECRET, **headers: str) -> WebhookRequest:
    return WebhookRequest(headers={"X-Gitlab-Token": secret, **headers}, body=body)


def signed(
    body: bytes, *, secret: str = SECRET, ago: float = 0, more: str = "", name: str = "msg-1"
) -> WebhookRequest:
    key = base64.b64decode(signing_token(secret).removeprefix("whsec_"))
    moment = str(int(time.time() - ago))
    mac = hmac.new(key, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
    signature = f"{more}v1,{base64.b64encode(mac).decode()}"
    headers = {"webhook-id": name, "webhook-timestamp": moment, "webhook-signature": signature}
    return WebhookRequest(headers=headers, body=body)


def push(**said: object) -> bytes:
    return json.dumps({**json.loads(RECORDED["push"]), **said}).encode()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("push", RefPushed(project_id=PROJECT, kind=RefKind.BRANCH, name="master")),
        ("push_subgroup", RefPushed(project_id=PROJECT, kind=RefKind.BRANCH, name="master")),
        ("branch_create", RefPushed(project_id=PROJECT, kind=RefKind.BRANCH, name="feature")),
        ("branch_delete", RefDeleted(project_id=PROJECT, kind=RefKind.BRANCH, name="feature")),
        (
            "branch_delete_subgroup",
            RefDeleted(project_id=PROJECT, kind=RefKind.BRANCH, name="feature"),
        ),
        ("tag_create", RefPushed(project_id=PROJECT, kind=RefKind.TAG, name="v1.0.0")),
        ("tag_delete", RefDeleted(project_id=PROJECT, kind=RefKind.TAG, name="v1.0.0")),
        ("tag_delete_subgroup", RefDeleted(project_id=PROJECT, kind=RefKind.TAG, name="v1.0.0")),
    ],
)
@pytest.mark.parametrize("send", [token, signed])
def test_a_recorded_delivery_is_understood(gitlab, send, name, meant):
    assert list(gitlab.receive_webhook(send(RECORDED[name]), SECRET)) == [meant]


def test_all_recordings_are_understood():
    assert len(RECORDED) == 8


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ({"event_name": "repository_update", "project_id": 7}, ProjectChanged(project_id="7")),
        # Of a project that was archived, GitLab says no more than this.
        ({"event_name": "project_update", "project_id": 7}, ProjectChanged(project_id="7")),
        (
            {"event_name": "project_rename", "project_id": 7, "path_with_namespace": "a/b"},
            ProjectRenamed(project_id="7", path="a/b"),
        ),
        (
            {"event_name": "project_transfer", "project_id": 7, "path_with_namespace": "c/b"},
            ProjectRenamed(project_id="7", path="c/b"),
        ),
        ({"event_name": "project_destroy", "project_id": 7}, ProjectGone(project_id="7")),
    ],
)
def test_what_a_system_hook_tells_of_a_project_is_understood(gitlab, body, meant):
    assert list(gitlab.receive_webhook(token(json.dumps(body).encode()), SECRET)) == [meant]


@pytest.mark.parametrize(
    "body",
    [
        {"object_kind": "merge_request", "project": {"id": 7}},
        {"object_kind": "something_new"},
        {"event_name": "user_create"},
        {"object_kind": "push", "project_id": 7, "ref": "refs/notes/x", "after": "1" * 40},
        {"object_kind": "push", "project_id": 7, "ref": "refs/heads/", "after": "1" * 40},
    ],
)
def test_what_has_no_part_in_a_package_means_nothing(gitlab, body):
    assert list(gitlab.receive_webhook(token(json.dumps(body).encode()), SECRET)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"push"',
        b"{}",
        b'{"event": "push"}',
        b'{"object_kind": "push", "ref": "refs/heads/x", "after": "1"}',
        push(ref=None),
        push(after=None),
        push(project_id=True, project=None),
    ],
)
def test_a_body_of_another_form_is_refused_with_a_reason(gitlab, body):
    with pytest.raises(UnreadableWebhook, match=r"delivery|push"):
        gitlab.receive_webhook(token(body), SECRET)


def test_a_zero_commit_of_sha_256_is_a_deletion_too(gitlab):
    (change,) = gitlab.receive_webhook(token(push(after="0" * 64)), SECRET)
    assert isinstance(change, RefDeleted)


def test_a_signing_token_is_what_gitlab_asks_for():
    made = signing_token(SECRET)
    assert made.startswith("whsec_")
    assert len(base64.b64decode(made.removeprefix("whsec_"), validate=True)) == 32
    assert made != signing_token("another secret")
    assert SECRET not in made
    assert signing_token(made) == made


def test_the_published_example_of_standard_webhooks_verifies(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1614265330.0)
    request = WebhookRequest(
        headers={
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        body=b'{"test": 2432232314}',
    )
    verify(request, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with pytest.raises(InvalidWebhook):
        verify(request, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx")


def test_one_of_several_signatures_is_enough(gitlab):
    request = signed(RECORDED["push"], more="v1,AAAA v1a,BBBB ")
    assert len(gitlab.receive_webhook(request, SECRET)) == 1


def test_nothing_is_signed_by_an_empty_secret_nor_without_an_id(gitlab):
    for secret, name in (("", "msg-1"), (SECRET, "")):
        request = signed(RECORDED["push"], secret=secret, name=name)
        with pytest.raises(InvalidWebhook, match="not signed"):
            gitlab.receive_webhook(request, secret)


@pytest.mark.parametrize("ago", [301, -302, 86400])
def test_a_signature_outside_of_five_minutes_is_refused(gitlab, ago):
    with pytest.raises(InvalidWebhook, match="five minutes"):
        gitlab.receive_webhook(signed(RECORDED["push"], ago=ago), SECRET)


@pytest.mark.parametrize("ago", [290, -290])
def test_clocks_may_differ_a_little(gitlab, ago):
    assert gitlab.receive_webhook(signed(RECORDED["push"], ago=ago), SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "٣"},
        {"webhook-id": "msg-2"},
        {"webhook-id": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,x"},
        {"webhook-signature": "é"},
    ],
)
def test_a_signature_for_something_else_is_refused_even_with_the_token(gitlab, change):
    request = signed(RECORDED["push"])
    headers = {**request.headers, "X-Gitlab-Token": SECRET, **change}
    with pytest.raises(InvalidWebhook):
        gitlab.receive_webhook(WebhookRequest(headers=headers, body=request.body), SECRET)


def test_a_changed_body_is_refused(gitlab):
    request = signed(RECORDED["push"])
    with pytest.raises(InvalidWebhook):
        gitlab.receive_webhook(
            WebhookRequest(headers=request.headers, body=request.body + b" "), SECRET
        )


@pytest.mark.parametrize("sent", ["", "wrong", SECRET[:-1], SECRET + "x", "ü"])
def test_a_wrong_token_is_refused(gitlab, sent):
    with pytest.raises(InvalidWebhook):
        gitlab.receive_webhook(token(RECORDED["push"], sent), SECRET)


def test_a_migrated_webhook_sends_its_old_secret_as_token(gitlab):
    assert gitlab.receive_webhook(token(RECORDED["push"], "old one"), "old one")


def test_each_attempt_of_a_delivery_has_one_id(gitlab):
    body = RECORDED["push"]
    assert gitlab.delivery_id(token(body, **{"Idempotency-Key": "k"})) == "k"
    assert gitlab.delivery_id(signed(body)) == "msg-1"
    first = token(body, **{"X-Gitlab-Event-UUID": "e", "X-Gitlab-Webhook-UUID": "1"})
    again = token(body, **{"X-Gitlab-Event-UUID": "e", "X-Gitlab-Webhook-UUID": "2"})
    other = token(body, **{"X-Gitlab-Event-UUID": "f", "X-Gitlab-Webhook-UUID": "3"})
    assert gitlab.delivery_id(first) == gitlab.delivery_id(again) != gitlab.delivery_id(other)


def test_a_gitlab_that_signs_is_never_told_to_send_the_secret(gitlab, host):
    made = gitlab.create_webhook(gitlab.project("7"), HOOK, SECRET)
    assert host.secrets[int(made)] == {"signing_token": signing_token(SECRET)}
    hook = host.hooks[int(made)]
    assert hook["url"] == HOOK
    assert (hook["push_events"], hook["tag_push_events"]) == (True, True)
    assert hook["enable_ssl_verification"] is True
    assert gitlab.webhook_active(gitlab.project("7"), made)


def test_an_older_gitlab_sends_the_secret_as_token(gitlab, host):
    host.signs = False
    made = gitlab.create_webhook(gitlab.project("7"), HOOK, SECRET)
    assert host.secrets[int(made)] == {"token": SECRET}
    assert host.hooks[int(made)]["tag_push_events"] is True
    assert gitlab.webhook_active(gitlab.project("7"), made)


def test_a_webhook_is_made_once_however_often_it_is_asked_for(gitlab, host):
    project = gitlab.project("7")
    first = gitlab.create_webhook(project, HOOK, SECRET)
    host.hooks[int(first)]["alert_status"] = "disabled"
    second = gitlab.create_webhook(project, HOOK, "a new secret")
    assert list(host.hooks) == [int(second)]
    assert host.hooks[int(second)]["alert_status"] == "executable"
    assert host.secrets[int(second)] == {"signing_token": signing_token("a new secret")}


def test_a_webhook_of_somebody_else_is_left_alone(gitlab, host):
    project = gitlab.project("7")
    theirs = gitlab.create_webhook(project, f"{HOOK}0", SECRET)
    gitlab.create_webhook(project, HOOK, SECRET)
    assert int(theirs) in host.hooks


@pytest.mark.parametrize(
    ("change", "active"),
    [
        ({}, True),
        ({"alert_status": "temporarily_disabled"}, True),
        ({"alert_status": "disabled"}, False),
        ({"push_events": False}, False),
        ({"tag_push_events": False}, False),
        ({"signing_token_present": False, "token_present": False}, False),
        # An administrator of GitLab 19 has switched signing off.
        ({"signing_token_present": False, "token_present": True}, True),
    ],
)
def test_a_webhook_that_no_longer_sends_is_told(gitlab, host, change, active):
    made = gitlab.create_webhook(gitlab.project("7"), HOOK, SECRET)
    host.hooks[int(made)] |= change
    assert gitlab.webhook_active(gitlab.project("7"), made) is active


def test_a_webhook_that_was_removed_at_gitlab_is_told(gitlab):
    assert not gitlab.webhook_active(gitlab.project("7"), "99")


def test_a_webhook_is_deleted_and_may_be_gone(gitlab, host):
    project = gitlab.project("7")
    made = gitlab.create_webhook(project, HOOK, SECRET)
    gitlab.delete_webhook(project, made)
    assert host.hooks == {}
    gitlab.delete_webhook(project, made)
    assert place(host.requests[-1]) == ("DELETE", f"/projects/7/hooks/{made}")


@pytest.mark.parametrize("ask", ["create_webhook", "delete_webhook", "webhook_active"])
def test_who_may_not_manage_webhooks_is_told_which_role_is_needed(gitlab, host, ask):
    project = gitlab.project("7")
    host.maintainer = False
    what = (HOOK, SECRET) if ask == "create_webhook" else ("1",)
    with pytest.raises(CredentialsError, match="scope api, and its user the role Maintainer"):
        getattr(gitlab, ask)(project, *what)


def test_a_project_that_is_gone_takes_no_webhook(gitlab, host):
    project = gitlab.project("7")
    host.projects.clear()
    with pytest.raises(NotFound, match="acme/php/lib"):
        gitlab.create_webhook(project, HOOK, SECRET)


@pytest.mark.parametrize(
    "said",
    [
        {"error": "Invalid url given"},
        {"message": "Url is blocked: Requests to the local network are not allowed"},
    ],
)
def test_a_url_that_gitlab_blocks_says_who_can_allow_it(gitlab, host, said):
    project = gitlab.project("7")
    host.fail_next(200, json=[])
    host.fail_next(422, json=said)
    with pytest.raises(Rejected, match="Outbound requests") as refused:
        gitlab.create_webhook(project, HOOK, SECRET)
    assert str(next(iter(said.values()))) in str(refused.value)
