"""Deploying the dashboards: import, removal of what is no longer in code, verification."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from lake.settings import Settings
from superset_assets.bundle import ASSETS, placeholders, read_assets, render, zipped
from superset_assets.client import SignedInClient, connect, import_bundle
from superset_assets.grants import apply, meant
from superset_assets.launch import SupersetError, clear_cache
from superset_assets.static_check import check
from superset_assets.verify import differences

KINDS = ("dashboards", "charts", "datasets", "databases")  # removed in this order: nothing is pulled from under another
ENDPOINTS = {"dashboards": "dashboard", "charts": "chart", "datasets": "dataset", "databases": "database"}


@dataclass(frozen=True)
class Deployment:
    """What a deployment did. counts: objects of each kind in code; problems: what verification found afterwards."""

    counts: dict[str, int]
    removed: list[str]
    problems: list[str]
    seconds: float
    dashboards: dict[str, str] = field(default_factory=dict)  # title -> address

    @property
    def passed(self) -> bool:
        return not self.problems


def deploy(settings: Settings, url: str, folder: Path = ASSETS) -> Deployment:
    """Bring the server at `url` to what the code says; running it again changes nothing.

    Raises AssetError if the files are wrong and SupersetError if the server refuses them.
    """
    started = time.monotonic()
    values = placeholders(settings)
    assets = read_assets(values, folder)
    if faults := check(assets):
        raise SupersetError("the dashboards do not fit together: " + "; ".join(faults))
    files = render(settings, assets)
    client = connect(settings, url)
    import_bundle(client, zipped(files))
    ours = {kind: [one["uuid"] for one in getattr(assets, kind).values()] for kind in KINDS}
    record = settings.home / "superset" / "deployed.json"
    before = json.loads(record.read_text()) if record.exists() else {}
    gone = {kind: sorted(set(before.get(kind, [])) - set(ours[kind])) for kind in KINDS}
    removed = _remove(client, gone)
    removed += apply(settings, client, meant(settings, client, assets, folder))
    record.write_text(json.dumps(ours, indent=1))
    clear_cache(settings)
    return Deployment(
        counts={kind: len(uuids) for kind, uuids in ours.items()},
        removed=removed,
        problems=differences(settings, client, assets, files, folder),
        seconds=round(time.monotonic() - started, 1),
        dashboards={
            one["dashboard_title"]: f"{url}/superset/dashboard/{one['slug']}/" for one in assets.dashboards.values()
        },
    )


def _remove(client: SignedInClient, gone: dict[str, list[str]]) -> list[str]:
    """Delete what an earlier deployment made and the code no longer has; returns what was removed."""
    removed = []
    for kind, uuids in gone.items():
        there = list(client.all_of(ENDPOINTS[kind])) if uuids else []  # before the first goes: pages would move
        for found in there:
            if found["uuid"] in uuids:
                response = client.delete(f"{client.base_url}/{ENDPOINTS[kind]}/{found['id']}")
                if not response.ok:
                    raise SupersetError(f"removing {kind} {found['uuid']}: {response.text[:300]}")
                removed.append(f"{kind} {found['uuid']}")
    return removed
