import pytest

from packistry.plugin import load_config
from packistry_bitbucket.cloud import BitbucketCloud
from packistry_bitbucket.config import CloudConfig, DataCenterConfig
from packistry_bitbucket.datacenter import BitbucketDataCenter
from plugins.packistry_bitbucket.tests import cloud_host, server_host


@pytest.fixture
def host() -> cloud_host.CloudHost:
    host = cloud_host.CloudHost()
    host.add("acme/lib", cloud_host.LIB)
    return host


@pytest.fixture
def cloud(host: cloud_host.CloudHost) -> BitbucketCloud:
    config = {"workspace": "acme", "email": cloud_host.EMAIL, "token": cloud_host.TOKEN}
    return BitbucketCloud(load_config(CloudConfig, config), host.client())


@pytest.fixture
def servers_host() -> server_host.ServerHost:
    host = server_host.ServerHost()
    host.add("PRJ/lib", 1)
    return host


@pytest.fixture
def server(servers_host: server_host.ServerHost) -> BitbucketDataCenter:
    config = {"url": server_host.URL, "token": server_host.TOKEN}
    return BitbucketDataCenter(load_config(DataCenterConfig, config), servers_host.client())
