"""Dists whose stored file was lost or altered, built anew: with the same bytes, or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from packistry import plugin
from packistry.errors import ConfigurationError, NotFound
from packistry.models import Dist, Package, Project, Source
from packistry.plugin import GitSourceProvider, Snapshot
from packistry.services.collector import Fault
from packistry.services.dists import UNSAFE, check_archive, stored_file
from packistry.services.orders import Order, orders
from packistry.services.places import Place, place
from packistry.services.transactions import Transactions

NO_PROJECT = "It was uploaded: put its file back from a backup."
OTHER_BYTES = (
    "What its commit gives now has other bytes, and lock files name the old ones: put its file "
    "back from a backup."
)

T = TypeVar("T")

Opening = Callable[[], Place]


class Repair:
    """Puts back the files of dists that `Collector.verify` found bad."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._storage = transactions.context.storage

    def run(self, faults: Sequence[Fault]) -> tuple[Fault, ...]:
        """The faults that remain, each with the reason and what can be done about it."""
        by_dist = {fault.dist_id: fault for fault in faults}
        left: dict[int, str] = dict.fromkeys(by_dist, NO_PROJECT)
        for opening, todo in self._attempt(lambda session: self._todo(session, list(by_dist))):
            left |= {order.dist_id: "" for order in todo}
            left |= self._restore_all(opening, todo, by_dist)
        return tuple(
            replace(by_dist[dist_id], reason=f"{by_dist[dist_id].reason} {reason}")
            for dist_id, reason in left.items()
            if reason
        )

    def _todo(self, session: Session, dists: list[int]) -> list[tuple[Opening, list[Order]]]:
        """What to build, by the project it is built from."""
        rows = session.execute(
            select(Dist.id, Project, Source)
            .join(Package, Package.id == Dist.package_id)
            .join(Project, Project.id == Package.project_id)
            .join(Source, Source.id == Project.source_id)
            .where(Dist.id.in_(dists))
        ).all()
        projects = {project.id: (project, source) for _, project, source in rows}
        context = self._transactions.context
        return [
            (
                place(context, source, project),
                orders(
                    session,
                    Dist.id.in_([dist for dist, owner, _ in rows if owner.id == project_id]),
                ),
            )
            for project_id, (project, source) in projects.items()
        ]

    def _restore_all(
        self, opening: Opening, todo: list[Order], faults: dict[int, Fault]
    ) -> dict[int, str]:
        """By dist, why it could not be put back; what is not there asks the host as well."""
        left: dict[int, str] = {}
        try:
            found = opening()
            for opened in (found.open_kept, found.open):
                thoroughly = not isinstance(found.provider, GitSourceProvider)
                with opened() as snapshot:
                    left = {
                        order.dist_id: self._restore(snapshot, order, faults, thoroughly)
                        for order in todo
                    }
                todo = [order for order in todo if left[order.dist_id]]
                if not todo:
                    break
        except (plugin.PluginError, NotFound, ConfigurationError, OSError) as error:
            return {order.dist_id: f"It cannot be built anew now: {error}" for order in todo}
        return {dist_id: reason for dist_id, reason in left.items() if reason}

    def _restore(
        self, snapshot: Snapshot, order: Order, faults: dict[int, Fault], thoroughly: bool
    ) -> str:
        key = faults[order.dist_id].key
        try:
            with order.archive(snapshot) as stream:
                check_archive(stream, self._transactions.context.settings, thoroughly=thoroughly)
                if stored_file(order.uid, order.ref.commit, stream).key != key:
                    return OTHER_BYTES
                # A storage keeps what it has under a key; what it has is no good.
                self._storage.delete(key)
                stream.seek(0)
                self._storage.put(key, stream)
        except UNSAFE as error:
            return f"It cannot be built anew: {error}"
        self._attempt(lambda session: _clear(session, order.dist_id))
        return ""

    def _attempt(self, work: Callable[[Session], T]) -> T:
        return self._transactions.attempt(lambda services: work(services.session))


def _clear(session: Session, dist_id: int) -> None:
    session.execute(
        update(Dist)
        .where(Dist.id == dist_id)
        .values(failure="")
        .execution_options(synchronize_session=False)
    )
