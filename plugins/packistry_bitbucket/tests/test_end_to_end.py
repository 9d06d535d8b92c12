import json
from pathlib import Path
from typing import Any

from packistry.plugin import WebhookRequest
from plugins.packistry_bitbucket.tests import cloud_host, server_host
from plugins.packistry_bitbucket.tests.cloud_host import EMAIL, LIB, CloudHost
from plugins.packistry_bitbucket.tests.server_host import ServerHost
from plugins.packistry_bitbucket.tests.test_webhooks import CLOUD, SERVER, signed
from tests.hosts.journey import travel
from tests.hosts.serving import serve
from tests.repositories import GitRepository

# Bitbucket Cloud is at one place; these tests have Packistry look for it here.
ELSEWHERE = """
from packistry_bitbucket.cloud import BitbucketCloud
BitbucketCloud.web_url = {url!r}
BitbucketCloud.api_url = {url!r} + "/2.0"
"""


def cloud_pushed(ref: str, secret: str) -> WebhookRequest:
    payload: dict[str, Any] = json.loads(CLOUD["push_tag_create"])
    payload["repository"]["uuid"] = LIB
    payload["push"]["changes"][0]["new"]["name"] = ref.removeprefix("refs/tags/")
    return signed("repo:push", json.dumps(payload).encode(), secret=secret)


def server_pushed(ref: str, secret: str) -> WebhookRequest:
    payload: dict[str, Any] = json.loads(SERVER["push_tag_create"])
    payload["repository"]["id"] = 1
    payload["changes"][0]["ref"] |= {"id": ref, "displayId": ref.removeprefix("refs/tags/")}
    return signed("repo:refs_changed", json.dumps(payload).encode(), secret=secret)


def test_a_push_to_the_cloud_is_served_to_composer(tmp_path: Path) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    host = CloudHost()
    python = tmp_path / "python"
    python.mkdir()
    with serve(host, {"acme/lib": upstream.path / ".git"}) as url:
        host.settle(url)
        host.add("acme/lib", LIB)
        (python / "sitecustomize.py").write_text(ELSEWHERE.format(url=url))
        travel(
            tmp_path,
            upstream,
            provider="bitbucket",
            config={"workspace": "acme", "email": EMAIL},
            token=cloud_host.TOKEN,
            hooks=lambda: [(hook["url"], host.secrets[uuid]) for uuid, hook in made(host)],
            pushed=cloud_pushed,
            python=python,
        )


def test_a_push_to_a_server_is_served_to_composer(tmp_path: Path) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    host = ServerHost()
    with serve(host, {"scm/acme/lib": upstream.path / ".git"}, sub_path="/ctx") as url:
        host.settle(url)
        host.add("acme/lib", 1)
        travel(
            tmp_path,
            upstream,
            provider="bitbucket-datacenter",
            config={"url": url},
            token=server_host.TOKEN,
            hooks=lambda: [
                (hook["url"], hook["configuration"]["secret"]) for _, hook in made(host)
            ],
            pushed=server_pushed,
        )


def made(host: CloudHost | ServerHost) -> list[tuple[Any, dict[str, Any]]]:
    return list(host.hooks.items())
