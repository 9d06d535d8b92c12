"""What the webhook deliveries of Gitea and Forgejo mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from packistry.plugin import (
    Change,
    InvalidWebhook,
    ProjectChanged,
    ProjectGone,
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
_SIGNATURES = (
    ("X-Gitea-Signature", ""),
    ("X-Forgejo-Signature", ""),
    ("X-Hub-Signature-256", "sha256="),
    ("X-Gogs-Signature", ""),
)
_HOSTS = ("Gitea", "Forgejo", "Gogs", "GitHub")


def changes(request: WebhookRequest, secret: str) -> Sequence[Change]:
    """Verified and read. () for what does not matter here."""
    _verify(request, secret)
    payload = request.json()
    if not isinstance(payload, dict):
        raise UnreadableWebhook("The delivery's body is no JSON object.")
    read = _EVENTS.get(_header(request, "Event"))
    return read(payload) if read else ()


def delivery_id(request: WebhookRequest) -> str:
    """What the host calls the delivery; "" when it does not."""
    return _header(request, "Delivery")


def _verify(request: WebhookRequest, secret: str) -> None:
    """By the first signature there is. Without a secret, the host sends them empty."""
    if request.header("Content-Type").startswith("application/x-www-form-urlencoded"):
        # What is signed then is a part of the body, which would have to be parsed before.
        raise InvalidWebhook("The webhook sends forms: set its content type to application/json.")
    given = [each for each in _SIGNATURES if request.header(each[0])]
    header, prefix = given[0] if given else _SIGNATURES[0]
    check_signature(request, secret, header=header, prefix=prefix)


def _header(request: WebhookRequest, name: str) -> str:
    """The header as one of the hosts calls it: they all send it under several names."""
    found = (request.header(f"X-{host}-{name}") for host in _HOSTS)
    return next(filter(None, found), "")


def _push(payload: Payload) -> Sequence[Change]:
    space, _, name = _text(payload, "ref").removeprefix("refs/").partition("/")
    if space not in _KINDS or not name:
        return ()
    change = RefDeleted if set(_text(payload, "after")) == {"0"} else RefPushed
    return (change(project_id=_project_id(payload), kind=_KINDS[space], name=name),)


def _create(payload: Payload) -> Sequence[Change]:
    return _ref(payload, RefPushed)


def _delete(payload: Payload) -> Sequence[Change]:
    return _ref(payload, RefDeleted)


def _ref(payload: Payload, change: type[RefPushed | RefDeleted]) -> Sequence[Change]:
    """These events name the ref by its short name; some versions wrote it in full."""
    kind, name = _TYPES.get(_text(payload, "ref_type")), _text(payload, "ref")
    for start in ("refs/heads/", "refs/tags/"):
        name = name.removeprefix(start)
    if kind is None or not name:
        return ()
    return (change(project_id=_project_id(payload), kind=kind, name=name),)


def _repository(payload: Payload) -> Sequence[Change]:
    action, project = _text(payload, "action"), _project_id(payload)
    if action == "deleted":
        return (ProjectGone(project_id=project),)
    return () if action == "created" else (ProjectChanged(project_id=project),)


_EVENTS: dict[str, Callable[[Payload], Sequence[Change]]] = {
    "push": _push,
    "create": _create,
    "delete": _delete,
    "repository": _repository,
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
