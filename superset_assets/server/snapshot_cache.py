"""A cache whose answers end with the snapshot they were read from, and are shared only among equal rights."""

import threading
from pathlib import Path
from typing import Any

from flask_caching.backends.filesystemcache import FileSystemCache


class SnapshotCache(FileSystemCache):
    """Files on disk, keyed by the published snapshots and by the roles of who asks.

    Rows are limited by roles: whoever has others never meets an entry, whatever the key says.

    An answer is stored only if the snapshot is the one that was published when the answer was first asked for:
    a query that runs across a switch is not remembered under either name.
    """

    def __init__(self, cache_dir: str, pointers: list[Path], **options: Any) -> None:
        self.pointers = pointers
        self.asked = threading.local()
        super().__init__(cache_dir, **options)

    @classmethod
    def factory(cls, app: Any, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> "SnapshotCache":
        return cls(
            config["CACHE_DIR"],
            [Path(pointer) for pointer in config["KHO_POINTERS"]],
            threshold=config["CACHE_THRESHOLD"],
            default_timeout=config["CACHE_DEFAULT_TIMEOUT"],
        )

    def _snapshot(self) -> str:
        return published(self.pointers)

    def _waiting(self) -> dict[str, str]:
        if not hasattr(self.asked, "snapshots"):
            self.asked.snapshots = {}
        waiting: dict[str, str] = self.asked.snapshots
        return waiting

    def _get_filename(self, key: str) -> str:
        # the file count is the parent's own element and belongs to no snapshot
        own = key == self._fs_count_file
        return str(super()._get_filename(key if own else f"{self._snapshot()}:{roles()}:{key}"))

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


def published(pointers: list[Path]) -> str:
    """The snapshots that these links lead to now; another after each publication, of the same one too."""
    return "+".join(_target(pointer) for pointer in pointers)


def _target(pointer: Path) -> str:
    try:
        return f"{pointer.readlink().name}-{pointer.lstat().st_mtime_ns}"
    except OSError:
        return "none"


def roles() -> str:
    """The roles of who asks; `nobody` outside of a request and for whoever is not signed in."""
    from flask import g, has_request_context

    user = getattr(g, "user", None) if has_request_context() else None
    if user is None or user.is_anonymous:
        return "nobody"
    from superset import security_manager

    return ",".join(sorted(role.name for role in security_manager.get_user_roles(user)))
