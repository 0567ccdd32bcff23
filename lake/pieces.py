"""The rows of one reading for one partition, on their way from the door to an object."""

import io
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import polars as pl

from lake.connectors import SourceFile
from lake.profile import Judged

KEY_ID = "key_id"  # in the metadata of every object


@dataclass(frozen=True)
class Piece:
    """What one extract holds for one partition, after the door."""

    day: date
    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    drift: list[str]
    file: SourceFile | None
    texts: pl.DataFrame | None = None


@dataclass(frozen=True)
class Packed:
    """Pieces of one partition from several parts of a reading, compressed until they are written."""

    day: date
    parts: list[tuple[bytes, bytes, bytes | None]]  # accepted, quarantined, texts
    drift: list[str]
    file: SourceFile | None = None


@dataclass(frozen=True)
class Written:
    """What is known of a piece once its objects are written."""

    judged: Judged
    objects: dict[str, str]  # by prefix
    reason_counts: dict[str, int]
    units: list[str]
    drift: list[str]
    file: SourceFile | None


class Packer:
    """Compresses pieces while the next ones are made; `packed` is whole once the context has ended."""

    def __init__(self) -> None:
        self.packed: dict[date, Packed] = {}
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "Packer":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def add(self, pieces: list[Piece]) -> None:
        """Take the pieces of one part; those of the part before are packed then, so that no more than two wait."""
        self.wait()
        self._last = self._pool.submit(_pack, pieces, self.packed)

    def wait(self) -> None:
        """Until all that was added is packed. Raises what went wrong there."""
        if self._last is not None:
            self._last.result()


def _pack(pieces: list[Piece], packed: dict[date, Packed]) -> None:
    """Add the pieces to those of their partitions, compressed."""
    for piece in pieces:
        texts = None if piece.texts is None else _compressed(piece.texts)
        part = (_compressed(piece.accepted), _compressed(piece.quarantined), texts)
        former = packed.get(piece.day, Packed(piece.day, [], []))
        drift = sorted({*former.drift, *piece.drift})
        packed[piece.day] = Packed(piece.day, [*former.parts, part], drift)


def unpacked(piece: Piece | Packed) -> Piece:
    if isinstance(piece, Piece):
        return piece
    accepted, quarantined, texts = (
        [pl.read_ipc(one, use_pyarrow=False) for one in column if one is not None]
        for column in zip(*piece.parts, strict=True)
    )
    rows, refused = pl.concat(accepted), pl.concat(quarantined)
    return Piece(piece.day, rows, refused, piece.drift, piece.file, pl.concat(texts) if texts else None)


def _compressed(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def encode_rows(rows: pl.DataFrame, key_id: str) -> bytes:
    """Rows as an object of the lake; it says with which key its pseudonyms were made."""
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd", statistics=True, metadata={KEY_ID: key_id})
    return buffer.getvalue()
