"""Dists built on several threads, a few ahead of whoever records them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from threading import BoundedSemaphore
from types import TracebackType
from typing import BinaryIO, Self

from packistry.plugin import PluginError, Ref, Unavailable
from packistry.services.dists import UNSAFE, StoredFile

# While some threads wait for the disk, as many archives as allowed are being made.
STORING = 2


@dataclass(frozen=True, kw_only=True)
class Built:
    """A ref whose zip is in storage."""

    ref: Ref
    file: StoredFile


@dataclass(frozen=True, kw_only=True)
class NotBuilt:
    """A ref that gave no zip, and why. `final`: it never will."""

    ref: Ref
    reason: str
    final: bool
    error: PluginError | ValueError


Make = Callable[[Ref], AbstractContextManager[BinaryIO]]
Store = Callable[[Ref, BinaryIO], StoredFile]


class Archives:
    """Threads that make zips and store them. To be used in a `with` statement.

    `make` is called `threads` times at once at most. Few zips are under way at any time: memory
    and disk stay flat, however many refs there are.
    """

    def __init__(self, make: Make, store: Store, *, threads: int) -> None:
        self._make = make
        self._store = store
        self._making = BoundedSemaphore(threads)
        self._ahead = threads + 2 * STORING
        self._pool = ThreadPoolExecutor(threads + STORING, thread_name_prefix="packistry-archive")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def build(self, refs: Iterable[Ref]) -> Iterator[list[Built | NotBuilt]]:
        """Each ref once, as they are done, several at a time if several are done.

        What is not the fault of one ref is raised.
        """
        todo = iter(refs)
        pending: set[Future[Built | NotBuilt]] = set()
        self._submit(todo, pending)
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            # More work for the threads, before the caller is busy with these.
            self._submit(todo, pending)
            yield [future.result() for future in done]

    def _submit(self, refs: Iterator[Ref], pending: set[Future[Built | NotBuilt]]) -> None:
        while len(pending) < self._ahead and (ref := next(refs, None)) is not None:
            pending.add(self._pool.submit(self._build, ref))

    def _build(self, ref: Ref) -> Built | NotBuilt:
        with ExitStack() as stack:
            try:
                with self._making:
                    stream = stack.enter_context(self._make(ref))
            except UNSAFE as error:
                return NotBuilt(ref=ref, reason=str(error), final=True, error=error)
            except Unavailable as error:
                return NotBuilt(ref=ref, reason=str(error), final=False, error=error)
            return Built(ref=ref, file=self._store(ref, stream))
