"""Work done before it is asked for, in threads."""

import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Ahead(Generic[Key, Item]):
    """Makes items, and meanwhile those that will be wanted next.

    Args:
        make: Makes the item of a key; from several threads at once.
        workers: Threads.
        prepare: Called in each thread before its first item.
    """

    def __init__(
        self, make: Callable[[Key], Item], workers: int, prepare: Callable[[], None] | None = None
    ) -> None:
        self._make = make
        self._workers = workers
        self._prepare = prepare
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._started: dict[Key, Future[Item]] = {}

    def take(self, key: Key, following: Iterable[Key]) -> Item:
        """Gives the item of a key, and starts with the following ones; forgets all others.

        Raises:
            Exception: What `make` raised.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "batches", self._prepare)
            before, self._started = self._started, {}
            future = before.pop(key, None)
            if future is None:
                future = self._pool.submit(self._make, key)
            for next_key in following:
                started = before.pop(next_key, None)
                self._started[next_key] = started or self._pool.submit(self._make, next_key)
            for unwanted in before.values():
                unwanted.cancel()
        return future.result()

    def close(self) -> None:
        """Ends the threads; the next `take` starts new ones."""
        with self._lock:
            pool, self._pool, self._started = self._pool, None, {}
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
