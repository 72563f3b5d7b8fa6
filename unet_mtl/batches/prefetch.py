"""Items made in threads before they are requested."""

import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Prefetcher(Generic[Key, Item]):
    """Makes requested items in threads, and the items that will be requested next at the same time.

    Args:
        make: Function from a key to its item, called from several threads at once.
        workers: The number of threads.
        prepare: Function that each thread calls before its first item.
    """

    def __init__(
        self, make: Callable[[Key], Item], workers: int, prepare: Callable[[], None] | None = None
    ) -> None:
        self._make = make
        self._workers = workers
        self._prepare = prepare
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._futures: dict[Key, Future[Item]] = {}

    def take(self, key: Key, following: Iterable[Key]) -> Item:
        """Return the item of a key, and start to make the following ones; all other items are dropped.

        Args:
            key: The key of the item.
            following: Keys of the items that will be requested next, in order.

        Raises:
            Exception: Any error that `make` raised for this key.
        """
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "batches", self._prepare)
            previous, self._futures = self._futures, {}
            requested = previous.pop(key, None) or self._pool.submit(self._make, key)
            for next_key in following:
                future = previous.pop(next_key, None)
                self._futures[next_key] = future or self._pool.submit(self._make, next_key)
            for dropped in previous.values():
                dropped.cancel()
        return requested.result()

    def close(self) -> None:
        """Stop the threads; the next `take` starts new ones."""
        with self._lock:
            pool, self._pool, self._futures = self._pool, None, {}
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
