"""Bitbucket Cloud and Bitbucket Data Center as places that projects are imported from."""

from collections.abc import Sequence
from typing import Any

from packistry.plugin import AuthBackend, SourceProvider, hookimpl
from packistry_bitbucket.cloud import BitbucketCloud
from packistry_bitbucket.datacenter import BitbucketDataCenter
from packistry_bitbucket.sign_in import BitbucketSignIn


@hookimpl
def packistry_source_providers() -> Sequence[type[SourceProvider[Any]]]:
    """The repositories of a workspace in the cloud, and those of a server of one's own."""
    return (BitbucketCloud, BitbucketDataCenter)


@hookimpl
def packistry_auth_backends() -> Sequence[type[AuthBackend[Any]]]:
    """An account at Bitbucket Cloud."""
    return (BitbucketSignIn,)
