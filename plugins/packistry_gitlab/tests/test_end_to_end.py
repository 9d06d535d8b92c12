import json
from pathlib import Path

from packistry.plugin import WebhookRequest
from plugins.packistry_gitlab.tests.host import TOKEN, GitLabHost
from plugins.packistry_gitlab.tests.test_webhooks import RECORDED, signed
from tests.hosts.journey import travel
from tests.hosts.serving import serve
from tests.repositories import GitRepository


def pushed(ref: str, secret: str) -> WebhookRequest:
    """What GitLab 19 sends when a tag of project 7 is pushed."""
    body = json.dumps({**json.loads(RECORDED["tag_create"]), "ref": ref, "project_id": 7})
    return signed(body.encode(), secret=secret)


def test_a_push_to_gitlab_is_served_to_composer(tmp_path: Path) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    host = GitLabHost()
    with serve(host, {"acme/lib": upstream.path / ".git"}, sub_path="/code") as url:
        host.settle(url)
        host.add("acme/lib", 7)
        travel(
            tmp_path,
            upstream,
            provider="gitlab",
            config={"url": url},
            token=TOKEN,
            hooks=lambda: [
                (hook["url"], host.secrets[number]["signing_token"])
                for number, hook in list(host.hooks.items())
                if hook.get("signing_token_present")
            ],
            pushed=pushed,
        )
