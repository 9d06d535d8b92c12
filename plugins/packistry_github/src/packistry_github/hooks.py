"""The webhooks that GitHub keeps for us, one a repository."""

from packistry.plugin import CredentialsError, NotFound, Project, Rejected
from packistry_github.api import Api, an_object, objects
from packistry_github.refusals import missing_scope

# A push event tells of branches and tags that appear, move and go.
EVENTS = ("push", "delete", "repository")


def create(api: Api, project: Project, url: str, secret: str) -> str:
    """The id of the webhook that sends to `url`; one that was there already is taken over."""
    if project.archived:
        raise Rejected(f"{project.path} is archived: GitHub makes no webhook for it.")
    place = f"/repos/{project.path}/hooks"
    settings = {"active": True, "events": list(EVENTS), "config": _target(url, secret)}
    try:
        made = api.post(place, {"name": "web", **settings}).json()
    except Rejected as error:
        found = _existing(api, place, url)
        if not found:
            raise Rejected(
                f"GitHub makes no webhook to {url}: {error}", response=error.response
            ) from error
        made = api.patch(f"{place}/{found}", settings).json()
    except (CredentialsError, NotFound) as error:
        raise _may_not(project, error) from error
    return str(an_object(made).get("id", ""))


def delete(api: Api, project: Project, webhook_id: str) -> None:
    """Removes it. It is fine if it is gone.

    An archived repository is read-only, its webhooks too, and sends nothing.
    """
    if project.archived or not _is_id(webhook_id):
        return
    try:
        api.delete(f"/repos/{project.path}/hooks/{webhook_id}")
    except NotFound as error:
        if error.response is not None and missing_scope(error.response):
            raise _may_not(project, error) from error


def active(api: Api, project: Project, webhook_id: str) -> bool:
    """Whether it is there and switched on."""
    if not _is_id(webhook_id):
        return False
    try:
        found = api.get(f"/repos/{project.path}/hooks/{webhook_id}", follow=True).json()
    except NotFound as error:
        if error.response is not None and missing_scope(error.response):
            raise _may_not(project, error) from error
        return False
    return an_object(found).get("active") is True


def _target(url: str, secret: str) -> dict[str, str]:
    # Unless told otherwise, GitHub sends forms.
    return {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}


def _existing(api: Api, place: str, url: str) -> str:
    """The id of the webhook to the same address; "" when there is none."""
    for page in api.pages(place):
        for hook in objects(page.json()):
            config = hook.get("config")
            if isinstance(config, dict) and config.get("url") == url:
                return str(hook.get("id", ""))
    return ""


def _may_not(project: Project, error: CredentialsError | NotFound) -> CredentialsError:
    return CredentialsError(
        f"GitHub lets this token not manage the webhooks of {project.path}: its user must be an "
        "administrator of the repository, and a fine-grained token or an App needs the permission "
        f"Webhooks: read and write, a classic token the scope repo or admin:repo_hook. {error}",
        response=error.response,
    )


def _is_id(webhook_id: str) -> bool:
    return webhook_id.isascii() and webhook_id.isdecimal()
