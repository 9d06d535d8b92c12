"""Dists built on several threads, a few ahead of whoever records them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import BinaryIO, Self

from packistry.plugin import PluginError, Ref, Unavailable
from packistry.services.dists import UNSAFE, Dists, StoredFile, stored_file
from packistry.settings import MIB

POOL = "packistry-archive"
# What is stored together costs two transactions, whatever it is.
REFS_IN_A_BATCH = 16
BYTES_IN_A_BATCH = 64 * MIB
# While some batches wait for the disk, the next one is being made.
BATCHES_AHEAD = 2
# A disk makes many writes last in the time of one.
STORED_AT_ONCE = 8
MOST_BYTES = 4 * BYTES_IN_A_BATCH


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


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A ref whose zip is still open in `held`, and not in storage."""

    ref: Ref
    file: StoredFile
    stream: BinaryIO
    held: ExitStack


Make = Callable[[Ref], AbstractContextManager[BinaryIO]]
_Result = _Made | NotBuilt | Built


class Archives:
    """Threads that make zips and store them. To be used in a `with` statement.

    `make` is called `threads` times at once at most; what it returns may be closed on another
    thread. Few zips are under way at any time: memory and disk stay flat, however many refs there
    are. `uid` is that of the package.
    """

    def __init__(self, make: Make, dists: Dists, uid: str, *, threads: int) -> None:
        self._make = make
        self._dists = dists
        self._uid = uid
        self._makers = ThreadPoolExecutor(threads, thread_name_prefix=POOL)
        self._storers = ThreadPoolExecutor(STORED_AT_ONCE, thread_name_prefix=f"{POOL}-store")
        self._most = threads + BATCHES_AHEAD * REFS_IN_A_BATCH
        self._done: SimpleQueue[Future[_Result]] = SimpleQueue()
        self._open: set[ExitStack] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in (self._makers, self._storers):
            pool.shutdown(wait=True, cancel_futures=True)
        for held in self._open:
            held.close()

    def build(self, refs: Iterable[Ref]) -> Iterator[list[Built | NotBuilt]]:
        """Each ref once, several at a time, about in the order in which their zips are made.

        What is not the fault of one ref is raised.
        """
        todo = iter(refs)
        making = storing = under_way = size = 0
        made: list[_Made | NotBuilt] = []
        done: list[Built | NotBuilt] = []
        while True:
            while under_way < self._most and size < MOST_BYTES and (ref := next(todo, None)):
                self._submit(self._makers, partial(self._made, ref))
                making, under_way = making + 1, under_way + 1
            if not under_way:
                return
            result = self._done.get().result()
            if isinstance(result, Built):
                storing -= 1
                done.append(result)
            else:
                making, size = making - 1, size + _size([result])
                made.append(result)
            if made and (_is_full(made) or not making):
                storing += self._store(made)
                done += [each for each in made if isinstance(each, NotBuilt)]
                made = []
            if done and (_is_full(done) or not storing):
                # The next ones begin when these are recorded.
                yield done
                under_way, size = under_way - len(done), size - _size(done)
                done = []

    def _submit(self, pool: ThreadPoolExecutor, work: Callable[[], _Result]) -> None:
        # What stops this thread's work (packistry.stopping) stops theirs.
        pool.submit(copy_context().run, work).add_done_callback(self._done.put)

    def _made(self, ref: Ref) -> _Made | NotBuilt:
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(self._make(ref))
            except UNSAFE as error:
                return NotBuilt(ref=ref, reason=str(error), final=True, error=error)
            except Unavailable as error:
                return NotBuilt(ref=ref, reason=str(error), final=False, error=error)
            file = stored_file(self._uid, ref.commit, stream)
            held = stack.pop_all()
        self._open.add(held)
        return _Made(ref=ref, file=file, stream=stream, held=held)

    def _store(self, batch: Sequence[_Made | NotBuilt]) -> int:
        """Have those that are made stored; how many they are."""
        made = [each for each in batch if isinstance(each, _Made)]
        if made:
            self._dists.intend([each.file for each in made])
        for each in made:
            self._submit(self._storers, partial(self._stored, each))
        return len(made)

    def _stored(self, made: _Made) -> Built:
        self._dists.put(made.file, made.stream)
        self._open.remove(made.held)
        made.held.close()
        return Built(ref=made.ref, file=made.file)


def _is_full(batch: Sequence[_Made | Built | NotBuilt]) -> bool:
    return len(batch) >= REFS_IN_A_BATCH or _size(batch) >= BYTES_IN_A_BATCH


def _size(refs: Iterable[_Made | Built | NotBuilt]) -> int:
    return sum(each.file.size for each in refs if not isinstance(each, NotBuilt))
