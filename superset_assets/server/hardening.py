"""What keeps a reader inside a published file, laid on every DuckDB connection whatever its address says."""

from pathlib import Path
from typing import Any

# temp_directory last: DuckDB takes it before external access is closed only in this order
CONFIG = {
    "access_mode": "read_only",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
    "memory_limit": "1GB",
    "temp_directory": "",  # a heavy query fails instead of filling the disk
}
REFUSED = "Chỉ mở được các tệp đã công bố của tỉnh"


def hardened(published: Path) -> Any:
    """A mutator of connections, for Superset's DB_CONNECTION_MUTATOR. published: the one folder whose files open."""

    def harden(uri: Any, params: dict[str, Any], *_: Any) -> tuple[Any, dict[str, Any]]:
        if uri.get_backend_name() != "duckdb":
            raise PermissionError(REFUSED)
        # the name as written and not where it leads: `current` is a link
        asked = Path(uri.database or "")
        if not asked.is_relative_to(published) or ".." in asked.parts:
            raise PermissionError(REFUSED)
        return uri.set(query={}), {**params, "connect_args": {"config": dict(CONFIG)}}

    return harden
