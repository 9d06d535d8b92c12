import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from packistry.plugin import (
    Change,
    GitPolicy,
    Project,
    RefKind,
    RefPushed,
    WebhookRequest,
    load_config,
)
from packistry.testing import SourceProviderContract, WebhookContract
from packistry_github.config import GitHubConfig
from packistry_github.provider import GitHub
from plugins.packistry_github.tests.host import DATA, TOKEN, GitHubHost, described
from tests.hosts.serving import serve
from tests.repositories import GitRepository


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubHost]:
    """A GitHub Enterprise Server below a path, with real git."""
    lib = GitRepository(tmp_path_factory.mktemp("github") / "lib")
    lib.commit({"name": "acme/lib"}, files={"README.md": "# Lib\n", "src/Lib.php": "<?php\n"})
    lib.tag("v1.0.0", annotated=True)
    lib.commit({"name": "acme/lib"}, files={"src/Lib.php": "<?php // 2\n"})
    lib.branch("1.x", at="HEAD~")
    host = GitHubHost()
    with serve(host, {"acme/lib": lib.path / ".git"}, sub_path="/code") as url:
        host.web, host.url = url, f"{url}/api/v3"
        host.openapi = described(host.url)
        host.add("acme/lib", 7)
        host.add("acme/tool", 8)
        yield host


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for all of these tests: each fetches, and few clone."""
    return tmp_path_factory.mktemp("workspace")


class TestGitHub(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self, host: GitHubHost) -> GitHub:
        config = load_config(GitHubConfig, {"url": host.web, "token": TOKEN})
        github = GitHub(config, host.client())
        github.git_policy = GitPolicy(allow_http=True, netguard=None)
        return github

    @pytest.fixture
    def workspace(self, kept: Path) -> Path:
        return kept

    @pytest.fixture
    def project(self, provider: GitHub) -> Project:
        return provider.project("acme/lib")

    @pytest.fixture
    def expected_refs(self) -> Mapping[str, set[str]]:
        return {"branch": {"main", "1.x"}, "tag": {"v1.0.0"}}

    @pytest.fixture
    def missing_id(self) -> str:
        return "31415926"

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        body = (DATA / "webhooks" / "push_tag.json").read_bytes()
        digest = hmac.new(webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
            "X-Hub-Signature-256": f"sha256={digest}",
        }
        return WebhookRequest(headers=headers, body=body)

    @pytest.fixture
    def expected_changes(self) -> Sequence[Change]:
        return [RefPushed(project_id="13933572", kind=RefKind.TAG, name="v0.0.1")]
