import hashlib
import hmac
import json
from pathlib import Path

from packistry.plugin import WebhookRequest
from plugins.packistry_github.tests.host import TOKEN, GitHubHost, data, described
from tests.hosts.journey import travel
from tests.hosts.serving import serve
from tests.repositories import GitRepository


def pushed(ref: str, secret: str) -> WebhookRequest:
    """What GitHub sends when a ref of repository 7 is pushed."""
    payload = data("webhooks/push_tag.json")
    payload |= {"ref": ref, "repository": {**payload["repository"], "id": 7}}
    body = json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={digest}",
    }
    return WebhookRequest(headers=headers, body=body)


def test_a_push_to_github_is_served_to_composer(tmp_path: Path) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    host = GitHubHost()
    with serve(host, {"acme/lib": upstream.path / ".git"}) as url:
        host.web, host.url = url, f"{url}/api/v3"
        host.openapi = described(host.url)
        host.add("acme/lib", 7)
        travel(
            tmp_path,
            upstream,
            provider="github",
            config={"url": url},
            token=TOKEN,
            hooks=lambda: [
                (hook["config"]["url"], hook["config"]["secret"]) for hook in host.hooks.get(7, [])
            ],
            pushed=pushed,
        )
