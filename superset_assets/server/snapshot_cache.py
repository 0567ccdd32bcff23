"""A cache whose answers end with the snapshot they were read from."""

import threading
from pathlib import Path
from typing import Any

from flask_caching.backends.filesystemcache import FileSystemCache


class SnapshotCache(FileSystemCache):
    """Files on disk, keyed by the published snapshot.

    An answer is stored only if the snapshot is the one that was published when the answer was first asked for:
    a query that runs across a switch is not remembered under either name.
    """

    def __init__(self, cache_dir: str, pointer: Path, **options: Any) -> None:
        self.pointer = pointer
        self.asked = threading.local()
        super().__init__(cache_dir, **options)

    @classmethod
    def factory(cls, app: Any, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> "SnapshotCache":
        return cls(
            config["CACHE_DIR"],
            Path(config["KHO_POINTER"]),
            threshold=config["CACHE_THRESHOLD"],
            default_timeout=config["CACHE_DEFAULT_TIMEOUT"],
        )

    def _snapshot(self) -> str:
        try:
            return f"{self.pointer.readlink().name}-{self.pointer.lstat().st_mtime_ns}"
        except OSError:
            return "none"

    def _waiting(self) -> dict[str, str]:
        if not hasattr(self.asked, "snapshots"):
            self.asked.snapshots = {}
        waiting: dict[str, str] = self.asked.snapshots
        return waiting

    def _get_filename(self, key: str) -> str:
        # the file count is the parent's own element and belongs to no snapshot
        own = key == self._fs_count_file
        return str(super()._get_filename(key if own else f"{self._snapshot()}:{key}"))

    def get(self, key: str) -> Any:
        snapshot = self._snapshot()
        answer = super().get(key)
        if answer is None:
            waiting = self._waiting()
            if len(waiting) > 1000:  # keys that were asked for and never stored
                waiting.clear()
            waiting[key] = snapshot
        return answer

    def set(self, key: str, value: Any, timeout: int | None = None, mgmt_element: bool = False) -> bool:
        snapshot = self._snapshot()
        if not mgmt_element and self._waiting().pop(key, snapshot) != snapshot:
            return False
        return bool(super().set(key, value, timeout=timeout, mgmt_element=mgmt_element))
