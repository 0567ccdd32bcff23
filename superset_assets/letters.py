"""What is mailed of the dashboards: pages as PDF files, as the group sees them for whom the letter is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lake.settings import Settings
from lake.snapshots import list_snapshots, nothing_published
from superset_assets.accounts import Mailing
from superset_assets.bundle import placeholders, read_assets
from superset_assets.launch import SupersetError
from superset_assets.printing import print_dashboards

PRINTINGS = 3  # tries to print all pages of a letter from one snapshot
TEXT = """Kính gửi quý vị,

Kho Tỉnh gửi kèm thư này {pages} sau đây:
{titles}

Số liệu đến {as_of} (bản công bố {snapshot}).
Tệp chỉ có những gì nhóm «{group}» được xem. Ô trống là số liệu chưa công bố được; lý do ghi cạnh ô đó.

Thư này được gửi tự động sau khi số liệu mới được công bố; xin không trả lời.
"""


@dataclass(frozen=True)
class Letter:
    """One mail, ready to be sent. attached: PDF files that are there while the letter is."""

    to: tuple[str, ...]
    subject: str
    text: str
    attached: tuple[Path, ...]


@contextmanager
def letter(settings: Settings, url: str, mailing: Mailing) -> Iterator[Letter]:
    """Print the pages of a mailing from the server at `url`; the files go when the block is left.

    All pages are of the snapshot that the text names. Raises SupersetError if a page may not be opened by the group,
    does not come to rest or shows an error, or if other figures are published again and again.
    """
    known = {one["slug"]: one["dashboard_title"] for one in read_assets(placeholders(settings)).dashboards.values()}
    titles = {slug: known[slug] for slug in mailing.pages}
    with TemporaryDirectory() as folder:
        for _ in range(PRINTINGS):
            published = _published(settings)
            printed = list(print_dashboards(settings, url, titles, Path(folder), mailing.reader.username))
            if _published(settings)["snapshot_id"] == published["snapshot_id"]:
                break  # else some pages may show the figures before and some those after
        else:
            raise SupersetError(f"mailing {mailing.name} is not sent: other figures came each time it was printed")
        if wrong := [f"{one.path.stem}: {error}" for one in printed for error in one.errors]:
            raise SupersetError(f"mailing {mailing.name} is not sent, its pages show errors: {'; '.join(wrong)}")
        yield Letter(
            to=mailing.to,
            subject=subject(list(titles.values()), published["data_as_of"]),
            text=TEXT.format(
                pages=f"{len(titles)} trang",
                titles="\n".join(f"– {title}" for title in titles.values()),
                as_of=moment(published["data_as_of"]),
                snapshot=published["snapshot_id"],
                group=mailing.group,
            ),
            attached=tuple(one.path for one in printed),
        )


def _published(settings: Settings) -> dict[str, Any]:
    found = next((one for one in list_snapshots(settings) if one["current"]), None)
    if found is None:
        raise SupersetError(nothing_published(settings))
    return found


def subject(titles: list[str], as_of: str) -> str:
    """The first page, how many more, and how new the figures are."""
    more = f" và {len(titles) - 1} trang khác" if len(titles) > 1 else ""
    return f"Kho Tỉnh: {titles[0]}{more} – số liệu đến {moment(as_of)}"


def moment(told: str) -> str:
    """A snapshot's local time as Vietnamese read it."""
    return f"{datetime.fromisoformat(told):%H:%M ngày %d/%m/%Y}"
