"""The webhooks that the host keeps for us, one a repository."""

from packistry.plugin import CredentialsError, NotFound, Project, Rejected
from packistry_gitea.api import Api, an_object, objects

# A deleted branch is told by `delete` alone, a moved one by `push` alone.
EVENTS = ("push", "create", "delete", "repository")


def create(api: Api, project: Project, url: str, secret: str) -> str:
    """The id of a new webhook that sends to `url`, in place of one that may be there already.

    The host does not refuse a second one, and some versions keep the secret when one is edited.
    """
    if project.archived:
        raise Rejected(f"{project.path} is archived: nothing is pushed to it.")
    place = f"/repos/{project.path}/hooks"
    try:
        for old in _existing(api, place, url):
            api.delete(f"{place}/{old}")
        made = api.post(
            place,
            {
                # Forgejo knows it too. Unless told otherwise, a webhook is made inactive.
                "type": "gitea",
                "active": True,
                "events": list(EVENTS),
                "branch_filter": "*",
                "config": {"url": url, "content_type": "json", "secret": secret},
            },
        )
    except (CredentialsError, NotFound) as error:
        raise CredentialsError(
            f"The token may not manage the webhooks of {project.path}: its user must be an "
            f"administrator of the repository, and it needs the scope write:repository. {error}",
            response=error.response,
        ) from error
    return str(an_object(made.json()).get("id", ""))


def delete(api: Api, project: Project, webhook_id: str) -> None:
    """Removes it. It is fine if it is gone."""
    if not _is_id(webhook_id):
        return
    try:
        api.delete(f"/repos/{project.path}/hooks/{webhook_id}")
    except NotFound:
        return


def active(api: Api, project: Project, webhook_id: str) -> bool:
    """Whether it is there and switched on."""
    if not _is_id(webhook_id):
        return False
    try:
        found = api.get(f"/repos/{project.path}/hooks/{webhook_id}", follow=True)
    except NotFound:
        return False
    return an_object(found.json()).get("active") is True


def _existing(api: Api, place: str, url: str) -> list[str]:
    """The ids of the webhooks to the same address."""
    return [
        str(hook.get("id"))
        for page in api.pages(place)
        for hook in objects(page.json())
        if isinstance(hook.get("config"), dict) and hook["config"].get("url") == url
    ]


def _is_id(webhook_id: str) -> bool:
    return webhook_id.isascii() and webhook_id.isdecimal()
