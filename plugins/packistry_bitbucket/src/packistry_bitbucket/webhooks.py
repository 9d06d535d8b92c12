"""What both Bitbuckets send, and how we know that it was Bitbucket."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packistry.plugin import (
    Change,
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

CLOUD_EVENTS = ("repo:push", "repo:updated", "repo:transfer", "repo:deleted")
SERVER_EVENTS = ("repo:refs_changed", "repo:modified")

# Only a webhook made by hand sends it, for when clones come from a mirror.
_MIRRORED = "mirror:repo_synchronized"
_SIGNATURE = "X-Hub-Signature"
_CLOUD_KINDS = {
    "branch": RefKind.BRANCH,
    "named_branch": RefKind.BRANCH,
    "bookmark": RefKind.BRANCH,
    "tag": RefKind.TAG,
    "annotated_tag": RefKind.TAG,
}
_SERVER_KINDS = {"BRANCH": RefKind.BRANCH, "TAG": RefKind.TAG}


def verify(request: WebhookRequest, secret: str) -> None:
    """Raises InvalidWebhook unless the body is signed.

    Bitbucket puts its SHA-256 into the header in which GitHub once put a SHA-1.
    """
    header = _SIGNATURE if request.header(_SIGNATURE) else f"{_SIGNATURE}-256"
    check_signature(request, secret, header=header)


def cloud_changes(event: str, body: Any) -> Sequence[Change]:
    """What the verified body of a delivery of Bitbucket Cloud means."""
    if event not in CLOUD_EVENTS:
        return ()
    repository = _mapping(_mapping(body).get("repository"))
    project = _id(repository.get("uuid"))
    path = repository.get("full_name")
    if event == "repo:deleted":
        return (ProjectGone(project_id=project),)
    if event == "repo:push":
        refs = _list(_mapping(body.get("push")).get("changes"))
        return tuple(_cloud_refs(project, refs)) if refs else (ProjectChanged(project_id=project),)
    if event == "repo:updated" and not {"name", "full_name"} & _mapping(body.get("changes")).keys():
        return ()
    if not isinstance(path, str) or not path:
        return (ProjectChanged(project_id=project),)
    return (ProjectRenamed(project_id=project, path=path),)


def server_changes(event: str, body: Any) -> Sequence[Change]:
    """What the verified body of a delivery of Bitbucket Data Center means."""
    found = _mapping(body)
    if event in ("repo:refs_changed", _MIRRORED):
        project = _id(_mapping(found.get("repository")).get("id"))
        # A mirror leaves them out when there are too many.
        refs = _list(found.get("changes") or [] if event == _MIRRORED else found.get("changes"))
        return tuple(_server_refs(project, refs)) if refs else (ProjectChanged(project_id=project),)
    if event == "repo:modified":
        renamed = _mapping(found.get("new"))
        key, slug = _mapping(renamed.get("project")).get("key"), renamed.get("slug")
        project = _id(renamed.get("id"))
        if isinstance(key, str) and isinstance(slug, str) and key and slug:
            return (ProjectRenamed(project_id=project, path=f"{key}/{slug}"),)
        return (ProjectChanged(project_id=project),)
    return ()


def _cloud_refs(project: str, changes: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    for change in changes:
        new, old = change.get("new"), change.get("old")
        ref = _mapping(new or old)
        kind, name = _CLOUD_KINDS.get(str(ref.get("type"))), ref.get("name")
        if kind is None or not isinstance(name, str) or not name:
            continue
        meant = RefPushed if new else RefDeleted
        yield meant(project_id=project, kind=kind, name=name)


def _server_refs(project: str, changes: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    for change in changes:
        ref = _mapping(change.get("ref"))
        kind, name = _SERVER_KINDS.get(str(ref.get("type"))), ref.get("displayId")
        if kind is None or not isinstance(name, str) or not name:
            continue
        gone = change.get("type") == "DELETE" or set(str(change.get("toHash"))) == {"0"}
        meant = RefDeleted if gone else RefPushed
        yield meant(project_id=project, kind=kind, name=name)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableWebhook("The delivery is not in the form Bitbucket gives it.")
    return value


def _list(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise UnreadableWebhook("The delivery is not in the form Bitbucket gives it.")
    return [_mapping(each) for each in value]


def _id(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
        return str(value)
    raise UnreadableWebhook("The delivery does not say which repository it is about.")
