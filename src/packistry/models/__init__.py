"""The rows, one aggregate a file. Importing this package maps them all."""

from packistry.models.audit import AuditEvent, Via
from packistry.models.base import Base
from packistry.models.branch_head import BranchHead
from packistry.models.discovery import (
    AutoImport,
    BulkImport,
    BulkImportProject,
    PassedProject,
)
from packistry.models.download import Download, DownloadDay
from packistry.models.gram import Gram
from packistry.models.link import OneTimeLink, Purpose
from packistry.models.owed_mail import OwedMail
from packistry.models.package import (
    Channel,
    Dist,
    Document,
    Package,
    Readme,
    Requirement,
    Version,
    VersionKind,
)
from packistry.models.repository import Repository, TagPolicy
from packistry.models.second_factor import SecondFactor
from packistry.models.session import BrowserSession
from packistry.models.sign_in import AuthenticationSource, ClaimRule, IdentityLink
from packistry.models.source import Dists, Project, Source
from packistry.models.state import Counter, Intent, Lease, Setting
from packistry.models.sync import Outcome, RefVerdict, Sync, SyncItem, SyncReason, SyncState
from packistry.models.tag_pin import TagPin
from packistry.models.throttle import Throttle
from packistry.models.token import Grant, Token, TokenKind
from packistry.models.upload_day import UploadDay, UserUploadDay
from packistry.models.user import Role, User
from packistry.models.webhook import Delivery, DeliveryVerdict, Webhook, WebhookState

__all__ = [
    "AuditEvent",
    "AuthenticationSource",
    "AutoImport",
    "Base",
    "BranchHead",
    "BrowserSession",
    "BulkImport",
    "BulkImportProject",
    "Channel",
    "ClaimRule",
    "Counter",
    "Delivery",
    "DeliveryVerdict",
    "Dist",
    "Dists",
    "Document",
    "Download",
    "DownloadDay",
    "Gram",
    "Grant",
    "IdentityLink",
    "Intent",
    "Lease",
    "OneTimeLink",
    "Outcome",
    "OwedMail",
    "Package",
    "PassedProject",
    "Project",
    "Purpose",
    "Readme",
    "RefVerdict",
    "Repository",
    "Requirement",
    "Role",
    "SecondFactor",
    "Setting",
    "Source",
    "Sync",
    "SyncItem",
    "SyncReason",
    "SyncState",
    "TagPin",
    "TagPolicy",
    "Throttle",
    "Token",
    "TokenKind",
    "UploadDay",
    "User",
    "UserUploadDay",
    "Version",
    "VersionKind",
    "Via",
    "Webhook",
    "WebhookState",
]
