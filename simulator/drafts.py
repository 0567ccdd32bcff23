"""Drafts of tasks that were sent to the assignment system: kept in files, decided by it, and the tasks they become.

Who decides what on its own follows from the proposal's identifier alone, so that every run of the stand-in does the
same; an operator may decide before (see `simulator.admin`).
"""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from simulator import office_calendar as calendar
from simulator.office_calendar import local_naive
from simulator.shown_tables import Changes, ShownTable
from simulator.tables import TABLES
from simulator.task_lives import Fates, lives

DECISIONS = ("assign", "edit", "decline", "done")
_USUAL = {"assign": 0.55, "edit": 0.25, "decline": 0.2}
_REASONS = [
    "Đơn vị đang thực hiện nhiệm vụ khác về cùng chỉ tiêu",
    "Mục tiêu chưa phù hợp với điều kiện thực tế của địa phương",
    "Nguyên nhân nằm ngoài thẩm quyền của đơn vị",
    "Cần có ý kiến của sở chuyên ngành trước khi giao",
    "Số liệu đang được rà soát, chưa đủ căn cứ để giao nhiệm vụ",
]
_SHOWN_AGAIN = timedelta(seconds=10)  # what was decided while the tables were being written, or while time stands still
_FIRST_SERIAL = 800_000  # no month of generated tasks comes near it
_MORE_DAYS = 10  # working days that an edited task is given on top


class DraftError(ValueError):
    """A draft cannot be decided so."""


@dataclass(frozen=True)
class Decision:
    """What was decided of a draft, when (local, naive), and what it became."""

    what: str
    at: datetime
    target: float
    due_on: date
    reason: str | None


class Drafts:
    """The drafts of a folder, one file each, and their tasks. units: communes with code and name, the province too."""

    def __init__(self, folder: Path, units: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.units = units
        self._lock = threading.Lock()  # requests and the ticker are of several threads
        self._lives: dict[str, pl.DataFrame] = {}
        self._kept = {draft["proposal_id"]: draft for draft in map(_read, sorted(folder.glob("*.json")))}

    def get(self, proposal_id: str) -> dict[str, Any] | None:
        return self._kept.get(proposal_id)

    def keep(self, proposal_id: str, content: dict[str, Any], now: datetime) -> tuple[dict[str, Any], bool]:
        """The stored draft and whether it is new; one that is there stays as it is. now: aware."""
        with self._lock:
            known = self._kept.get(proposal_id)
            if known is not None:
                return known, False
            draft = {
                "proposal_id": proposal_id,
                "serial": _FIRST_SERIAL + len(self._kept) + 1,
                "received_at": now.isoformat(),
                **content,
                "decided": [],
            }
            self._write(draft)
            return draft, True

    def decide(self, proposal_id: str, what: str, now: datetime, how: dict[str, Any]) -> None:
        """Decide a draft at once, or report its task done. how: target, due_on, reason where they matter; now: aware.

        Raises DraftError for a draft that is unknown, already decided, or not assigned and so cannot be done.
        """
        with self._lock:
            draft = self._kept.get(proposal_id)
            if draft is None:
                raise DraftError(f"there is no draft {proposal_id}")
            if what not in DECISIONS:
                raise DraftError(f"what is {what!r}; expected {', '.join(DECISIONS)}")
            moment, decision = local_naive(now), decision_of(draft)
            decided = decision.at <= moment
            if (what == "done") != decided or (what == "done" and decision.what == "decline"):
                state = f"was decided ({decision.what})" if decided else "is not decided yet"
                raise DraftError(f"the draft {proposal_id} {state}: it cannot become {what}")
            chosen = {name: how[name] for name in ("target", "due_on", "reason") if how.get(name) is not None}
            entry = {"what": what, "at": moment.isoformat(), **chosen}
            self._write({**draft, "decided": [*draft["decided"], entry]})

    def state(self, draft: dict[str, Any], now: datetime) -> dict[str, Any]:
        """A draft as the service answers it. now: aware."""
        decision, moment = decision_of(draft), local_naive(now)
        decided = decision.at <= moment
        versions = self._life(draft).filter(pl.col("cap_nhat_luc") <= moment)
        return {
            **{name: value for name, value in draft.items() if name not in ("serial", "decided")},
            "state": versions["trang_thai"][-1] if decided else "draft",
            "task_id": _task_id(draft) if decided else None,
            "decline_reason": decision.reason if decided else None,
        }

    def versions(self) -> pl.DataFrame:
        """All versions, also to come, of the tasks that drafts become, as `simulator.directives` generates others."""
        with self._lock:
            frames = [self._life(draft) for draft in self._kept.values()]
        return pl.concat(frames) if frames else pl.DataFrame()

    def _life(self, draft: dict[str, Any]) -> pl.DataFrame:
        """The versions of a draft's task; the ticker asks for them every few seconds."""
        name = f"{draft['proposal_id']} {len(draft['decided'])}"
        if name not in self._lives:
            self._lives[name] = _versions(draft, self.units)
        return self._lives[name]

    def _write(self, draft: dict[str, Any]) -> None:
        name = hashlib.sha256(draft["proposal_id"].encode()).hexdigest()[:32]
        half = self._folder / f"{name}.tmp"
        with half.open("w", encoding="utf-8") as file:
            json.dump(draft, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._folder / f"{name}.json")
        self._kept[draft["proposal_id"]] = draft


@dataclass(frozen=True)
class TaskTable:
    """The table of assigned tasks: generated ones and those that drafts became."""

    generated: ShownTable
    drafts: Drafts

    @property
    def place(self) -> str:
        return self.generated.place

    @property
    def reader(self) -> str:
        return self.generated.reader

    @property
    def key(self) -> str:
        return self.generated.key

    @property
    def updated(self) -> str:
        return self.generated.updated

    @property
    def columns(self) -> dict[str, str]:
        return self.generated.columns

    def changes(self, since: datetime | None, now: datetime) -> Changes:
        """What changed after `since` (None: all there is) until `now`, both aware."""
        usual = self.generated.changes(since, now)
        versions = self.drafts.versions()
        if versions.is_empty():
            return usual
        mine = ShownTable(TABLES["tasks"], versions).changes(since and since - _SHOWN_AGAIN, now)
        rows = pl.concat([usual.rows, mine.rows.select(usual.rows.columns)])
        return Changes(rows, pl.concat([usual.keys, mine.keys]))


def decision_of(draft: dict[str, Any]) -> Decision:
    """The operator's decision, or the one that the system comes to by itself within a few working days."""
    rng = _chance(draft, "decision")
    received = local_naive(datetime.fromisoformat(draft["received_at"]))
    day = calendar.add_working_days(np.array([received], dtype="datetime64[D]"), rng.integers(1, 5, 1))
    at = calendar.at(day, calendar.office_seconds(rng, 1))[0].item()
    what = str(rng.choice(list(_USUAL), p=list(_USUAL.values())))
    reason = str(rng.choice(_REASONS))
    operator: dict[str, Any] = next((one for one in draft["decided"] if one["what"] != "done"), {})
    if operator:
        what, at = operator["what"], datetime.fromisoformat(operator["at"])
    target, due = float(draft["target"]), date.fromisoformat(draft["due_on"])
    if what == "edit":
        target = float(operator.get("target", round(draft["baseline"] + 0.7 * (target - draft["baseline"]), 2)))
        later = calendar.add_working_days(np.array([due], dtype="datetime64[D]"), np.array([_MORE_DAYS]))[0].item()
        due = date.fromisoformat(operator["due_on"]) if "due_on" in operator else later
    told = operator.get("reason", reason) if what == "decline" else None
    return Decision(what, at, target, max(due, at.date()), told)


def _versions(draft: dict[str, Any], units: dict[str, str]) -> pl.DataFrame:
    """The life of a draft's task from its decision on; an operator's report that it is done ends it."""
    decision = decision_of(draft)
    rng = _chance(draft, "life")
    given = np.array([decision.at], dtype="datetime64[D]")
    task = pl.DataFrame(
        {
            "so_van_ban": [f"{rng.integers(9000, 9900)}/{decision.at.year}/TB-UBND"],
            "noi_dung": [draft["title_vi"]],
            "ma_chi_tieu": [draft["indicator_code"]],
            "ma_don_vi": [draft["unit_code"]],
            "ten_don_vi": [units[draft["unit_code"]]],
            "gia_tri_muc_tieu": [decision.target],
            "ngay_giao": pl.Series(given),
            "han_hoan_thanh": [decision.due_on],
            "ma_de_xuat": [draft["proposal_id"]],
            "ban_so_lieu": [draft["snapshot_id"]],
            "ly_do_tu_choi": pl.Series([decision.reason], dtype=pl.String),
            "_planted": pl.Series([None], dtype=pl.String),
            "ma_nhiem_vu": [_task_id(draft)],
        }
    )
    due = np.array([decision.due_on], dtype="datetime64[D]")
    allowed = np.maximum(2, np.busday_count(given, due, busdaycal=calendar.WORKING_DAYS))
    none = np.zeros(1, dtype=bool)
    life = lives(rng, task, given, allowed, Fates(none, none, none))
    decided = pl.lit(decision.at).cast(pl.Datetime("us"))
    first = pl.int_range(pl.len()) == 0
    life = life.with_columns(cap_nhat_luc=pl.when(first).then(decided).otherwise("cap_nhat_luc"))
    if decision.what == "decline":
        life = life.head(1).with_columns(trang_thai=pl.lit("declined"))
    if reported := next((one for one in draft["decided"] if one["what"] == "done"), None):
        moment = datetime.fromisoformat(reported["at"])
        at = pl.lit(moment).cast(pl.Datetime("us"))
        done = life.filter(pl.col("cap_nhat_luc") <= moment).tail(1)
        done = done.with_columns(tien_do=pl.lit(100, pl.Int64), trang_thai=pl.lit("done"), cap_nhat_luc=at)
        life = pl.concat([life.filter(pl.col("cap_nhat_luc") < moment), done])
    return life.with_columns(_bad=pl.lit(None, pl.String), _field=pl.lit(None, pl.String), _unit=pl.col("ma_don_vi"))


def _task_id(draft: dict[str, Any]) -> str:
    received = local_naive(datetime.fromisoformat(draft["received_at"]))
    return f"NV-{received:%Y%m}-{draft['serial']}"


def _chance(draft: dict[str, Any], purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{purpose} {draft['proposal_id']}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
