"""Use cases. A service gets what it needs, never sees a request and never commits."""

from datetime import timedelta
from functools import cached_property

from sqlalchemy.orm import Session

from packistry.services.audit import Audit, Author
from packistry.services.authentication_sources import AuthenticationSources
from packistry.services.auto_imports import AutoImports
from packistry.services.bulk_imports import BulkImports
from packistry.services.context import Context
from packistry.services.deliveries import Deliveries
from packistry.services.discovery import Discovery
from packistry.services.documents import Documents
from packistry.services.downloads import Downloads
from packistry.services.events import Events
from packistry.services.filters import Filters
from packistry.services.grants import Grants
from packistry.services.identities import Identities
from packistry.services.ledger import Ledger, LostAfter
from packistry.services.links import Links
from packistry.services.mails import Mails
from packistry.services.moving import Moving
from packistry.services.packages import Packages
from packistry.services.projects import Projects
from packistry.services.protection import Protection
from packistry.services.quotas import Quotas
from packistry.services.repositories import Repositories
from packistry.services.second_factors import SecondFactors
from packistry.services.sessions import Sessions
from packistry.services.setup import Setup
from packistry.services.sources import Sources
from packistry.services.syncs import Syncs
from packistry.services.throttle import Throttles
from packistry.services.tokens import Tokens
from packistry.services.users import Users
from packistry.services.versions import Versions
from packistry.services.webhooks import Webhooks


class Services:
    """The services of one transaction."""

    def __init__(self, context: Context, session: Session, author: Author | None = None) -> None:
        """`author` is who changes something; None where nothing is recorded."""
        self.context = context
        self.session = session
        self.author = author

    @cached_property
    def audit(self) -> Audit:
        return Audit(self.session, self.author)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.session, self.context.settings)

    @cached_property
    def throttles(self) -> Throttles:
        return Throttles(self.session)

    @cached_property
    def second_factors(self) -> SecondFactors:
        return SecondFactors(
            self.session, self.sessions, self.context.secrets, self.context.settings
        )

    @cached_property
    def links(self) -> Links:
        return Links(self.session, self.users, self.mails)

    @cached_property
    def mails(self) -> Mails:
        return Mails(self.session, self.context.queue)

    @cached_property
    def quotas(self) -> Quotas:
        return Quotas(self.session, self.context.settings.upload_bytes_a_day)

    @cached_property
    def setup(self) -> Setup:
        return Setup(self.session, self.users)

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(self.session)

    @cached_property
    def downloads(self) -> Downloads:
        return Downloads(self.session)

    @cached_property
    def events(self) -> Events:
        return Events(self.context.plugins, self.context.queue)

    @cached_property
    def documents(self) -> Documents:
        return Documents(self.session, self.context.settings)

    @cached_property
    def ledger(self) -> Ledger:
        settings = self.context.settings
        lost = LostAfter(
            looks=settings.unreachable_looks,
            after=timedelta(seconds=settings.unreachable_seconds),
        )
        return Ledger(self.session, self.context.queue, lost)

    @cached_property
    def projects(self) -> Projects:
        return Projects(self.session)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.session, self.context, self.audit)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.session, self.ledger)

    @cached_property
    def packages(self) -> Packages:
        return Packages(
            self.session, self.documents, self.ledger, self.projects, self.webhooks, self.events
        )

    @cached_property
    def moving(self) -> Moving:
        return Moving(self.session, self.documents, self.ledger, self.events)

    @cached_property
    def filters(self) -> Filters:
        return Filters(self.session)

    @cached_property
    def versions(self) -> Versions:
        return Versions(self.session, self.documents)

    @cached_property
    def discovery(self) -> Discovery:
        return Discovery(self.session, self.ledger, self.packages)

    @cached_property
    def auto_imports(self) -> AutoImports:
        return AutoImports(self.session, self.context.queue, self.context.plugins)

    @cached_property
    def bulk_imports(self) -> BulkImports:
        return BulkImports(self.session, self.context.queue, self.context.plugins)

    @cached_property
    def protection(self) -> Protection:
        return Protection(self.session, self.ledger)

    @cached_property
    def repositories(self) -> Repositories:
        return Repositories(self.session, self.packages)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.session, self.context.plugins, self.context.secrets, self.webhooks)

    @cached_property
    def identities(self) -> Identities:
        return Identities(self.session, self.sessions)

    @cached_property
    def authentication_sources(self) -> AuthenticationSources:
        return AuthenticationSources(
            self.session,
            self.context.plugins,
            self.context.secrets,
            self.repositories,
            self.packages,
            self.identities,
        )

    @cached_property
    def syncs(self) -> Syncs:
        return Syncs(self.session, self.ledger)

    @cached_property
    def users(self) -> Users:
        return Users(self.session, self.sessions)

    @cached_property
    def grants(self) -> Grants:
        return Grants(self.session)
