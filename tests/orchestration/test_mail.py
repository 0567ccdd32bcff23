"""Mail through a server: what arrives, and that no password travels in the clear."""

import ssl
from pathlib import Path

import pytest

from lake.settings import Settings, SettingsError, load_settings
from orchestration.mail import send
from tests.certificates import certificate
from tests.mail_server import mail_server


def through(settings: Settings, url: str) -> Settings:
    return load_settings({**settings.env, "KHO_SMTP_URL": url})


@pytest.fixture
def certified(tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key of the server."""
    return certificate(tmp_path)


@pytest.fixture
def encryption(certified: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certified)
    return context


def test_a_file_arrives_whole_under_its_name(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "tong-quan-tinh.pdf"
    path.write_bytes(b"%PDF-1.7\n.\n..\r\n" + bytes(range(256)))
    with mail_server() as there:
        send(through(settings, there.url), "a@tinh.example", "Số liệu", "Kính gửi", [path])
    (received,) = there.received
    (attached,) = received.message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (path.name, "application/pdf")
    assert attached.get_payload(decode=True) == path.read_bytes()


def test_a_password_travels_encrypted(
    settings: Settings, certified: tuple[Path, Path], encryption: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[0]))
    with mail_server(encryption) as there:
        url = f"smtp://kho%40tinh.example:mat-khau@127.0.0.1:{there.port}"
        send(through(settings, url), "a@tinh.example", "a", "b")
    assert there.said[-1].upper() == "STARTTLS" and not [one for one in there.said if one.startswith("AUTH")]
    assert [one for one in there.encrypted if one.startswith("AUTH")]
    assert there.received[0].message["From"] == "kho@tinh.example"


def test_a_server_whose_certificate_nobody_vouches_for_gets_neither_password_nor_letter(
    settings: Settings, encryption: ssl.SSLContext
) -> None:
    with mail_server(encryption) as there:
        url = f"smtp://kho:mat-khau@127.0.0.1:{there.port}"
        with pytest.raises(ssl.SSLCertVerificationError):
            send(through(settings, url), "a@tinh.example", "a", "b")
    assert (there.received, there.encrypted) == ([], [])


def test_no_password_for_a_server_elsewhere_that_offers_no_encryption(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.mail.HERE", ())
    with mail_server() as there, pytest.raises(SettingsError, match="in the clear"):
        send(through(settings, f"smtp://kho:mat-khau@127.0.0.1:{there.port}"), "a@tinh.example", "a", "b")
    assert not [one for one in there.said if one.startswith("AUTH")]


def test_an_address_that_is_refused_is_an_error_and_the_others_get_their_letter(settings: Settings) -> None:
    with mail_server(refused=("b@tinh.example",)) as there, pytest.raises(OSError, match=r"b@tinh\.example"):
        send(through(settings, there.url), "a@tinh.example, b@tinh.example", "a", "b")
    assert [one.to for one in there.received] == [["a@tinh.example"]]
