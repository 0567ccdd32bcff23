"""Files in an S3 bucket, on a real server, read like those in a folder."""

from collections.abc import Callable
from datetime import datetime

import obstore
import pytest
from obstore.store import S3Store

from lake.connectors import SourceError, SourceFile, files, folders
from lake.contract import Contract
from lake.settings import Settings
from tests.conftest import Minio

Install = Callable[..., Settings]
COLUMNS = [{"name": "code", "type": "text"}, {"name": "number", "type": "integer"}]


def bucket(minio: Minio, prefix: str) -> S3Store:
    return S3Store(
        "lake",
        prefix=prefix,
        endpoint=minio.env["AWS_ENDPOINT_URL"],
        access_key_id=minio.env["AWS_ACCESS_KEY_ID"],
        secret_access_key=minio.env["AWS_SECRET_ACCESS_KEY"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def contract_of(make: Callable[..., Contract], **source: str) -> Contract:
    return make(COLUMNS, source={"protocol": "files", "folder": "${DROPS}", "patterns": ["so_lieu_*.csv"], **source})


def test_a_prefix_is_read_like_a_folder(
    minio: Minio, make_contract: Callable[..., Contract], installation: Install
) -> None:
    store = bucket(minio, "drops/finance")
    for name, text in (
        ("so_lieu_1.csv", "A;1"),
        ("SO_LIEU_2.CSV", "B;2"),
        ("khac.csv", "C;3"),
        ("cu/so_lieu_0.csv", "D;4"),
    ):
        obstore.put(store, name, f"code;number\n{text}\n".encode())
    settings = installation(DROPS="s3://lake/drops/finance", **minio.env)
    contract = contract_of(make_contract)
    found = list(files.read(contract, None, settings))
    assert [extract.table["code"].to_list() for extract in found] == [["A"], ["B"]]
    known = {extract.file.sha256 for extract in found if isinstance(extract.file, SourceFile)}
    assert list(files.read(contract, None, settings, skip=known)) == []
    before = {file.identity for file in folders.complete_files(contract, settings)}
    obstore.put(store, "so_lieu_1.csv", b"code;number\nA;9\n")
    (edition,) = files.read(contract, None, settings, skip=known)
    assert edition.table["number"].to_list() == ["9"], "a new edition is another content"
    assert len({file.identity for file in folders.complete_files(contract, settings)} - before) == 1
    everything = sorted(item["path"] for page in obstore.list(store) for item in page)
    assert everything == ["SO_LIEU_2.CSV", "cu/so_lieu_0.csv", "khac.csv", "so_lieu_1.csv"], "nothing is moved"


def test_a_bucket_with_keys_of_its_own(
    minio: Minio, make_contract: Callable[..., Contract], installation: Install, now: datetime
) -> None:
    obstore.put(bucket(minio, "other"), "so_lieu_1.csv", b"code;number\nA;1\n")
    own = {
        "endpoint": "${FINANCE_S3_ENDPOINT}",
        "access_key_id": "${FINANCE_S3_KEY}",
        "secret_access_key": "${FINANCE_S3_SECRET}",
    }
    env = {
        "FINANCE_S3_ENDPOINT": minio.env["AWS_ENDPOINT_URL"],
        "FINANCE_S3_KEY": minio.env["AWS_ACCESS_KEY_ID"],
        "FINANCE_S3_SECRET": minio.env["AWS_SECRET_ACCESS_KEY"],
    }
    contract = contract_of(make_contract, **own)
    (extract,) = files.read(contract, None, installation(DROPS="s3://lake/other", **env))
    assert extract.table["code"].to_list() == ["A"]
    wrong = installation(DROPS="s3://lake/other", **{**env, "FINANCE_S3_SECRET": "it-is-wrong"})
    with pytest.raises(SourceError, match=r"made\.up: the bucket \$\{DROPS\} cannot be listed") as error:
        list(files.read(contract, None, wrong))
    assert "it-is-wrong" not in str(error.value)
    missing = installation(DROPS="s3://no-such-bucket/other", **env)
    with pytest.raises(SourceError, match="cannot be listed"):
        list(files.read(contract, None, missing))
