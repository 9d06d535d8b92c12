from collections.abc import Iterator

import pytest

from packistry.plugin import GitPolicy, Project, WebhookRequest, load_config
from packistry.testing import SourceProviderContract, WebhookContract
from packistry_bitbucket.cloud import BitbucketCloud
from packistry_bitbucket.config import CloudConfig, DataCenterConfig
from packistry_bitbucket.datacenter import BitbucketDataCenter
from plugins.packistry_bitbucket.tests.cloud_host import EMAIL, LIB, TOKEN, CloudHost
from plugins.packistry_bitbucket.tests.server_host import TOKEN as HTTP_TOKEN
from plugins.packistry_bitbucket.tests.server_host import ServerHost
from plugins.packistry_bitbucket.tests.test_webhooks import (
    CLOUD,
    FOO,
    SERVER,
    branch,
    signed,
    tag,
)
from tests.hosts.serving import serve
from tests.repositories import GitRepository

REFS = {"branch": {"main", "feature/x"}, "tag": {"v1.0.0"}}
POLICY = GitPolicy(allow_http=True, netguard=None)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    repository = GitRepository(tmp_path_factory.mktemp("bitbucket") / "lib")
    repository.commit({"name": "acme/lib"}, files={"README.md": "# Lib"})
    repository.tag("v1.0.0", annotated=True)
    repository.branch("feature/x")
    return repository


@pytest.fixture(scope="module")
def served(repository: GitRepository) -> Iterator[str]:
    with serve(CloudHost(), {"acme/lib": repository.path / ".git"}) as url:
        yield url


@pytest.fixture(scope="module")
def server_served(repository: GitRepository) -> Iterator[str]:
    with serve(ServerHost(), {"scm/prj/lib": repository.path / ".git"}, sub_path="/ctx") as url:
        yield url


class TestCloud(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self, served: str, monkeypatch: pytest.MonkeyPatch) -> BitbucketCloud:
        monkeypatch.setattr(BitbucketCloud, "web_url", served)
        monkeypatch.setattr(BitbucketCloud, "api_url", f"{served}/2.0")
        host = CloudHost()
        host.settle(served)
        host.add("acme/lib", LIB)
        config = {"workspace": "acme", "email": EMAIL, "token": TOKEN}
        provider = BitbucketCloud(load_config(CloudConfig, config), host.client())
        provider.git_policy = POLICY
        return provider

    @pytest.fixture
    def project(self, provider: BitbucketCloud) -> Project:
        return provider.project(LIB)

    @pytest.fixture
    def expected_refs(self):
        return REFS

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        return signed("repo:push", CLOUD["push"], secret=webhook_secret)

    @pytest.fixture
    def expected_changes(self):
        return [branch(FOO, "master")]


class TestDataCenter(SourceProviderContract, WebhookContract):
    @pytest.fixture
    def provider(self, server_served: str) -> BitbucketDataCenter:
        host = ServerHost(server_served)
        host.add("PRJ/lib", 1)
        config = load_config(DataCenterConfig, {"url": server_served, "token": HTTP_TOKEN})
        provider = BitbucketDataCenter(config, host.client())
        provider.git_policy = POLICY
        return provider

    @pytest.fixture
    def project(self, provider: BitbucketDataCenter) -> Project:
        return provider.project("1")

    @pytest.fixture
    def expected_refs(self):
        return REFS

    @pytest.fixture
    def delivery(self, webhook_secret: str) -> WebhookRequest:
        return signed("repo:refs_changed", SERVER["push_tag_create"], secret=webhook_secret)

    @pytest.fixture
    def expected_changes(self):
        return [tag("1", "v1.1.0")]
