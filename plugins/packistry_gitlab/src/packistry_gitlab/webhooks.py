"""What GitLab sends, and how we know that it was GitLab.

GitLab 19.0 and later signs by the Standard Webhooks scheme; older ones repeat a token.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
    check_token,
)

WINDOW = 300
"""Seconds by which the clocks may differ: https://www.standardwebhooks.com asks for a tolerance."""

_PREFIX = "whsec_"
_PURPOSE = b"packistry gitlab signing token"
_KINDS = {"heads": RefKind.BRANCH, "tags": RefKind.TAG}


def signing_token(secret: str) -> str:
    """The signing token of a webhook whose secret is `secret`: the secret, if it has that form.

    Of another secret, "whsec_" and the base64 of HMAC-SHA256(key: the secret, message: "packistry
    gitlab signing token"), which is the 32 bytes GitLab asks for.
    """
    if secret.startswith(_PREFIX):
        return secret
    key = hmac.new(_bytes(secret), _PURPOSE, hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(key).decode()


def verify(request: WebhookRequest, secret: str) -> None:
    """Raises InvalidWebhook unless GitLab signed the delivery, or sent the secret if it cannot.

    A delivery that has a signature is judged by it alone.
    """
    signatures = request.header("webhook-signature")
    if not signatures:
        check_token(request, secret, header="X-Gitlab-Token")
        return
    sent, moment = request.header("webhook-id"), request.header("webhook-timestamp")
    signed = b".".join((_bytes(sent), _bytes(moment), request.body))
    expected = "v1," + _base64_of_hmac(_key(secret), signed)
    genuine = [
        hmac.compare_digest(_bytes(expected), _bytes(given)) for given in signatures.split(" ")
    ]
    if not (any(genuine) and secret and sent):
        raise InvalidWebhook("The delivery is not signed with this project's secret.")
    if not (moment.isascii() and moment.isdecimal() and abs(time.time() - int(moment)) <= WINDOW):
        raise InvalidWebhook(
            "The delivery is older than five minutes, or the clocks of GitLab and this machine"
            " differ by more."
        )


def delivery_id(request: WebhookRequest) -> str:
    """The same for each attempt of one delivery.

    GitLab before 17.4 does not number them; there the push it is about and the body do.
    """
    named = request.header("Idempotency-Key") or request.header("webhook-id")
    if named:
        return named
    digest = hashlib.sha256(_bytes(request.header("X-Gitlab-Event-UUID")) + b"\0" + request.body)
    return digest.hexdigest()


def changes(body: Any) -> Sequence[Change]:
    """What the verified body of a delivery means; () for what has no part in a package."""
    if not isinstance(body, dict):
        raise UnreadableWebhook("The delivery is not GitLab's: its body is no JSON object.")
    # A system hook's own events have no object_kind.
    event = body.get("object_kind") or body.get("event_name")
    if not isinstance(event, str):
        raise UnreadableWebhook(
            "The delivery does not say what it is about. A webhook for Packistry needs GitLab's"
            " own payload: remove its custom template."
        )
    understood = _EVENTS.get(event)
    return understood(body) if understood else ()


def _pushed(body: Mapping[str, Any]) -> Sequence[Change]:
    project, ref, after = _project_id(body), body.get("ref"), body.get("after")
    if not (isinstance(ref, str) and isinstance(after, str) and after):
        raise UnreadableWebhook("GitLab's push does not say which ref moved.")
    kind, _, name = ref.removeprefix("refs/").partition("/")
    if not (ref.startswith("refs/") and kind in _KINDS and name):
        return ()
    change = RefDeleted if set(after) == {"0"} else RefPushed
    return (change(project_id=project, kind=_KINDS[kind], name=name),)


def _renamed(body: Mapping[str, Any]) -> Sequence[Change]:
    path = body.get("path_with_namespace")
    if not isinstance(path, str) or not path:
        return (ProjectChanged(project_id=_project_id(body)),)
    return (ProjectRenamed(project_id=_project_id(body), path=path),)


def _gone(body: Mapping[str, Any]) -> Sequence[Change]:
    return (ProjectGone(project_id=_project_id(body)),)


def _changed(body: Mapping[str, Any]) -> Sequence[Change]:
    return (ProjectChanged(project_id=_project_id(body)),)


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Sequence[Change]]] = {
    "push": _pushed,
    "tag_push": _pushed,
    # Only system hooks send these: a GitLab administrator makes such a hook by hand.
    "repository_update": _changed,
    "project_update": _changed,
    "project_rename": _renamed,
    "project_transfer": _renamed,
    "project_destroy": _gone,
}


def _project_id(body: Mapping[str, Any]) -> str:
    project = body.get("project")
    inner = project.get("id") if isinstance(project, dict) else None
    found = body.get("project_id") or inner
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    raise UnreadableWebhook("The delivery does not say which project it is about.")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(signing_token(secret).removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidWebhook("The secret is no signing token: whsec_ and base64.") from None


def _base64_of_hmac(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
