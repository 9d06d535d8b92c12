import hashlib
import hmac
import json

import pytest

from packistry.plugin import (
    Change,
    InvalidWebhook,
    ProjectChanged,
    ProjectGone,
    ProjectRenamed,
    RefDeleted,
    RefKind,
    RefPushed,
    UnreadableWebhook,
    WebhookRequest,
)
from plugins.packistry_bitbucket.tests import cloud_host, server_host

SECRET = "It's a Secret to Everybody"
CLOUD = {path.stem: path.read_bytes() for path in sorted(cloud_host.DATA.glob("push*.json"))}
SERVER = {path.stem: path.read_bytes() for path in sorted(server_host.DATA.glob("*push*.json"))}
FOO = json.loads(CLOUD["push"])["repository"]["uuid"]


def signed(
    event: str, body: bytes, *, header: str = "X-Hub-Signature", secret: str = SECRET
) -> WebhookRequest:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Event-Key": event, header: f"sha256={mac}", "X-Request-UUID": "u"}
    return WebhookRequest(headers={**headers, "X-Request-Id": "i"}, body=body)


def of(event: str, **body: object) -> WebhookRequest:
    return signed(event, json.dumps(body).encode())


def branch(project: str, name: str, *, gone: bool = False) -> Change:
    meant = RefDeleted if gone else RefPushed
    return meant(project_id=project, kind=RefKind.BRANCH, name=name)


def tag(project: str, name: str, *, gone: bool = False) -> Change:
    meant = RefDeleted if gone else RefPushed
    return meant(project_id=project, kind=RefKind.TAG, name=name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("push", branch(FOO, "master")),
        ("push_branch_create", branch(FOO, "develop")),
        ("push_branch_delete", branch(FOO, "develop", gone=True)),
        ("push_tag_create", tag(FOO, "feature/x")),
        ("push_tag_delete", tag(FOO, "feature/x", gone=True)),
    ],
)
def test_a_recorded_delivery_of_the_cloud_is_understood(cloud, name, meant):
    assert list(cloud.receive_webhook(signed("repo:push", CLOUD[name]), SECRET)) == [meant]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("push", branch("1", "master")),
        ("push_branch_create", branch("1", "develop")),
        ("push_branch_delete", branch("1", "develop", gone=True)),
        ("push_tag_create", tag("1", "v1.1.0")),
        ("push_tag_delete", tag("1", "v1.1.0", gone=True)),
        ("push_v5", branch("13027", "trangineni/devtfvars-1685475548410")),
    ],
)
def test_a_recorded_delivery_of_a_server_is_understood(server, name, meant):
    request = signed("repo:refs_changed", SERVER[name])
    assert list(server.receive_webhook(request, SECRET)) == [meant]


@pytest.mark.parametrize("name", ["fnb_push_branch_create", "fnb_push_update"])
def test_a_recorded_delivery_of_a_newer_server_is_understood(server, name):
    (change,) = server.receive_webhook(signed("repo:refs_changed", SERVER[name]), SECRET)
    assert isinstance(change, RefPushed)
    assert change.project_id == str(json.loads(SERVER[name])["repository"]["id"])


def test_all_recordings_are_understood():
    assert (len(CLOUD), len(SERVER)) == (5, 8)


def test_one_push_of_many_refs_is_many_changes(cloud):
    def ref(name: str, kind: str) -> dict[str, str]:
        return {"name": name, "type": kind}

    changes = [
        {"new": ref("main", "branch"), "old": ref("main", "branch")},
        {"new": None, "old": ref("old", "branch"), "closed": True},
        {"new": ref("v1", "annotated_tag"), "old": None, "created": True},
        {"new": None, "old": ref("v0", "tag")},
    ]
    request = of("repo:push", repository={"uuid": "{1}"}, push={"changes": changes})
    assert list(cloud.receive_webhook(request, SECRET)) == [
        branch("{1}", "main"),
        branch("{1}", "old", gone=True),
        tag("{1}", "v1"),
        tag("{1}", "v0", gone=True),
    ]


LIB = {"uuid": "{1}", "full_name": "acme/library"}


@pytest.mark.parametrize(
    ("request_", "meant"),
    [
        (
            of("repo:updated", repository=LIB, changes={"full_name": {"old": "acme/lib"}}),
            [ProjectRenamed(project_id="{1}", path="acme/library")],
        ),
        (of("repo:updated", repository=LIB, changes={"description": {}}), []),
        (
            of("repo:transfer", repository=LIB, previous_workspace={}),
            [ProjectRenamed(project_id="{1}", path="acme/library")],
        ),
        (of("repo:transfer", repository={"uuid": "{1}"}), [ProjectChanged(project_id="{1}")]),
        # A push that names no ref may be one of too many.
        (of("repo:push", repository=LIB, push={"changes": []}), [ProjectChanged(project_id="{1}")]),
        (of("repo:deleted", repository=LIB), [ProjectGone(project_id="{1}")]),
        (of("repo:fork", repository=LIB), []),
        (of("pullrequest:created", repository=LIB), []),
        (of("project:updated", project={}), []),
    ],
)
def test_what_the_cloud_tells_of_a_repository_is_understood(cloud, request_, meant):
    assert list(cloud.receive_webhook(request_, SECRET)) == meant


MOVED = {"id": 1, "slug": "library", "project": {"key": "NEW"}}
TAGGED = {
    "ref": {"id": "refs/tags/v1", "displayId": "v1", "type": "TAG"},
    "fromHash": "0" * 40,
    "toHash": "1" * 40,
    "type": "ADD",
}


@pytest.mark.parametrize(
    ("request_", "meant"),
    [
        (of("repo:modified", new=MOVED), [ProjectRenamed(project_id="1", path="NEW/library")]),
        (of("repo:modified", new={**MOVED, "slug": ""}), [ProjectChanged(project_id="1")]),
        (
            of("repo:refs_changed", repository=MOVED, changes=[{**TAGGED, "type": "DELETE"}]),
            [tag("1", "v1", gone=True)],
        ),
        (
            of("repo:refs_changed", repository=MOVED, changes=[{**TAGGED, "toHash": "0" * 64}]),
            [tag("1", "v1", gone=True)],
        ),
        (
            of("repo:refs_changed", repository=MOVED, changes=[]),
            [ProjectChanged(project_id="1")],
        ),
        (
            of("mirror:repo_synchronized", repository=MOVED, changes=[TAGGED]),
            [tag("1", "v1")],
        ),
        (
            of("mirror:repo_synchronized", repository=MOVED, changes=[], refLimitExceeded=True),
            [ProjectChanged(project_id="1")],
        ),
        (
            of("mirror:repo_synchronized", repository=MOVED, changes=None, syncType="SNAPSHOT"),
            [ProjectChanged(project_id="1")],
        ),
        (of("pr:opened"), []),
        (of("diagnostics:ping", test=True), []),
    ],
)
def test_what_a_server_tells_of_a_repository_is_understood(server, request_, meant):
    assert list(server.receive_webhook(request_, SECRET)) == meant


@pytest.mark.parametrize("body", [b'{"test":true}', SERVER["push"]])
def test_a_test_that_is_not_signed_is_refused_like_all_else(server, body):
    headers = {"X-Event-Key": "diagnostics:ping"}
    with pytest.raises(InvalidWebhook, match="not signed"):
        server.receive_webhook(WebhookRequest(headers=headers, body=body), SECRET)


@pytest.mark.parametrize(
    "request_",
    [
        of("repo:push"),
        signed("repo:push", b"[]"),
        of("repo:push", repository={"uuid": ""}, push={"changes": []}),
        of("repo:push", repository=LIB, push={"changes": [7]}),
        of("repo:push", repository=LIB, push={"changes": [{"new": 7}]}),
        of("repo:push", repository=LIB),
        of("repo:refs_changed", repository={"id": True}, changes=[]),
        of("repo:refs_changed", repository={"id": 1}, changes={}),
        of("repo:modified", new=[]),
    ],
)
def test_a_body_of_another_form_is_refused(cloud, server, request_):
    receiver = cloud if request_.header("X-Event-Key") == "repo:push" else server
    with pytest.raises(UnreadableWebhook, match="delivery"):
        receiver.receive_webhook(request_, SECRET)


def test_both_names_of_the_signature_are_known(cloud):
    for header in ("X-Hub-Signature", "X-Hub-Signature-256"):
        request = signed("repo:push", CLOUD["push"], header=header)
        assert cloud.receive_webhook(request, SECRET)


@pytest.mark.parametrize("secret", ["another", "", "ü"])
def test_a_signature_with_another_secret_is_refused(cloud, server, secret):
    for receiver in (cloud, server):
        with pytest.raises(InvalidWebhook):
            receiver.receive_webhook(signed("repo:push", CLOUD["push"], secret=secret), SECRET)


def test_a_sha1_is_no_signature(cloud):
    mac = hmac.new(SECRET.encode(), CLOUD["push"], hashlib.sha1).hexdigest()
    for value in (f"sha1={mac}", mac, "sha256=", ""):
        headers = {"X-Event-Key": "repo:push", "X-Hub-Signature": value}
        with pytest.raises(InvalidWebhook):
            cloud.receive_webhook(WebhookRequest(headers=headers, body=CLOUD["push"]), SECRET)


def test_each_bitbucket_numbers_its_deliveries(cloud, server):
    request = signed("repo:push", b"")
    assert (cloud.delivery_id(request), server.delivery_id(request)) == ("u", "i")
