import hashlib
import hmac
import json
from pathlib import Path

from packistry.plugin import WebhookRequest
from plugins.packistry_gitea.tests.host import TOKEN, GiteaHost, data, described
from tests.hosts.journey import travel
from tests.hosts.serving import serve
from tests.repositories import GitRepository


def pushed(ref: str, secret: str) -> WebhookRequest:
    """What Forgejo sends when a ref of repository 7 is pushed: signed under every name."""
    payload = data("webhooks/push.json")
    payload |= {"ref": ref, "repository": {**payload["repository"], "id": 7}}
    body = json.dumps(payload, indent=2).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}
    for name in ("Forgejo", "Gitea", "Gogs"):
        headers |= {
            f"X-{name}-Delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
            f"X-{name}-Event": "push",
            f"X-{name}-Signature": digest,
        }
    return WebhookRequest(headers={**headers, "X-GitHub-Event": "push"}, body=body)


def test_a_push_to_forgejo_is_served_to_composer(tmp_path: Path) -> None:
    upstream = GitRepository(tmp_path / "upstream")
    host = GiteaHost()
    with serve(host, {"acme/lib": upstream.path / ".git"}, sub_path="/code") as url:
        host.web, host.root_url, host.url = url, url, f"{url}/api/v1"
        host.openapi = described(host.url)
        host.add("acme/lib", 7)
        travel(
            tmp_path,
            upstream,
            provider="gitea",
            config={"url": url},
            token=TOKEN,
            hooks=lambda: [
                (hook["config"]["url"], hook["config"]["secret"]) for hook in host.hooks.get(7, [])
            ],
            pushed=pushed,
        )
