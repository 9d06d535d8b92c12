"""What GitHub's webhook deliveries mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from packistry.plugin import (
    Change,
    ProjectArchived,
    ProjectChanged,
    ProjectGone,
    ProjectRenamed,
    RefDeleted,
    RefKind,
    RefPushed,
    UnreadableWebhook,
    WebhookRequest,
    check_signature,
)

Payload = Mapping[str, Any]
_KINDS = {"heads": RefKind.BRANCH, "tags": RefKind.TAG}
_TYPES = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}


def changes(request: WebhookRequest, secret: str) -> Sequence[Change]:
    """Verified and read. () for what does not matter here."""
    check_signature(request, secret)
    payload = _payload(request)
    read = _EVENTS.get(request.header("X-GitHub-Event"))
    return read(payload) if read else ()


def _payload(request: WebhookRequest) -> Payload:
    """The JSON, also of a webhook that was set up by hand to send forms."""
    if request.header("Content-Type").startswith("application/x-www-form-urlencoded"):
        try:
            form = parse_qs(request.body.decode("ascii"), max_num_fields=10)
            found = json.loads(form.get("payload", [""])[0])
        except (ValueError, RecursionError):
            raise UnreadableWebhook("The delivery's form holds no JSON.") from None
    else:
        found = request.json()
    if not isinstance(found, dict):
        raise UnreadableWebhook("The delivery's body is no JSON object.")
    return found


def _push(payload: Payload) -> Sequence[Change]:
    space, _, name = _text(payload, "ref").removeprefix("refs/").partition("/")
    if space not in _KINDS or not name:
        return ()
    gone = payload.get("deleted") is True or set(_text(payload, "after")) == {"0"}
    change = RefDeleted if gone else RefPushed
    return (change(project_id=_project_id(payload), kind=_KINDS[space], name=name),)


def _create(payload: Payload) -> Sequence[Change]:
    return _ref(payload, RefPushed)


def _delete(payload: Payload) -> Sequence[Change]:
    return _ref(payload, RefDeleted)


def _ref(payload: Payload, change: type[RefPushed | RefDeleted]) -> Sequence[Change]:
    """These events name the ref by its short name."""
    kind, name = _TYPES.get(_text(payload, "ref_type")), _text(payload, "ref")
    if kind is None or not name:
        return ()
    return (change(project_id=_project_id(payload), kind=kind, name=name),)


def _repository(payload: Payload) -> Sequence[Change]:
    action, project = _text(payload, "action"), _project_id(payload)
    if action in ("renamed", "transferred"):
        path = _text(payload["repository"], "full_name")
        return (ProjectRenamed(project_id=project, path=path),) if path else ()
    if action in ("archived", "unarchived"):
        return (ProjectArchived(project_id=project, archived=action == "archived"),)
    if action == "deleted":
        return (ProjectGone(project_id=project),)
    if action in ("edited", "publicized", "privatized"):
        return (ProjectChanged(project_id=project),)
    return ()


def _public(payload: Payload) -> Sequence[Change]:
    return (ProjectChanged(project_id=_project_id(payload)),)


_EVENTS: dict[str, Callable[[Payload], Sequence[Change]]] = {
    "push": _push,
    "create": _create,
    "delete": _delete,
    "repository": _repository,
    "public": _public,
}


def _project_id(payload: Payload) -> str:
    repository = payload.get("repository")
    number = repository.get("id") if isinstance(repository, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise UnreadableWebhook("The delivery does not say which repository it is about.")
    return str(number)


def _text(payload: Payload, key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) else ""
