"""A real LDAP server for a test: slapd on a folder of its own, with StartTLS, people and groups."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from superset_assets.launch import BIN
from tests.certificates import certificate
from tests.conftest import free_port

SUFFIX = "dc=tinh,dc=example"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "bi-mat-cua-may-chu"
CONFIG = """
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
moduleload memberof
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
security simple_bind=1
database mdb
suffix "{suffix}"
rootdn "{root}"
rootpw {password}
directory {folder}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
CHANGE = """
import sys, ldap
connection = ldap.initialize(sys.argv[1])
connection.start_tls_s()
connection.simple_bind_s(sys.argv[2], sys.argv[3])
group, person = sys.argv[4], sys.argv[5]
connection.modify_s(group, [(ldap.MOD_DELETE, "member", person.encode())])
"""


@dataclass(frozen=True)
class Directory:
    """A running server. url: ldap://, StartTLS is demanded; certificate: the one to trust."""

    url: str
    certificate: Path

    def person(self, name: str) -> str:
        return f"uid={name},ou=nguoi,{SUFFIX}"

    def group(self, name: str) -> str:
        return f"cn={name},ou=nhom,{SUFFIX}"

    def take_out(self, group: str, name: str) -> None:
        """Take a person out of a group."""
        told = [self.url, ROOT, ROOT_PASSWORD, self.group(group), self.person(name)]
        env = {**os.environ, "LDAPTLS_CACERT": str(self.certificate)}
        subprocess.run([str(BIN / "python"), "-c", CHANGE, *told], env=env, check=True)


@contextmanager
def directory(folder: Path, people: dict[str, str], groups: dict[str, list[str]]) -> Iterator[Directory]:
    """Start the server and stop it. people: name -> password; groups: name -> people.

    It fails, and does not skip, where there is no slapd: `make ldap` installs it.
    """
    program = Path(os.environ.get("KHO_SLAPD") or shutil.which("slapd") or "/usr/sbin/slapd")
    if not program.exists():
        pytest.fail(f"no slapd at {program}: run `make ldap`")
    base = program.parents[2]
    (folder / "data").mkdir()
    shown, kept = certificate(folder)
    config = folder / "slapd.conf"
    config.write_text(CONFIG.format(
        schema=base / "etc" / "ldap" / "schema", modules=base / "usr" / "lib" / "ldap", folder=folder, suffix=SUFFIX,
        root=ROOT, password=ROOT_PASSWORD, certificate=shown, key=kept,
    ))  # fmt: skip
    found = Directory(f"ldap://127.0.0.1:{free_port()}", shown)
    (folder / "people.ldif").write_text(_entries(found, people, groups), encoding="utf-8")
    command = [str(program), "-f", str(config)]
    subprocess.run([*command[:1], "-T", "add", *command[1:], "-l", str(folder / "people.ldif")], check=True)
    with (folder / "slapd.log").open("wb") as log:
        server = subprocess.Popen([*command, "-h", found.url, "-d", "none"], stdout=log, stderr=log)
        try:
            _wait(found.url)
            yield found
        finally:
            server.terminate()
            server.wait(20)


def _wait(url: str) -> None:
    port = int(url.rpartition(":")[2])
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("slapd did not start")


def _entries(found: Directory, people: dict[str, str], groups: dict[str, list[str]]) -> str:
    parts = [f"dn: {SUFFIX}\nobjectClass: domain\ndc: tinh"]
    parts += [f"dn: ou={ou},{SUFFIX}\nobjectClass: organizationalUnit\nou: {ou}" for ou in ("nguoi", "nhom")]
    parts += [
        f"dn: {found.person(name)}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n"
        f"givenName: {name}\nmail: {name}@tinh.example\nuserPassword: {password}"
        + "".join(f"\nmemberOf: {found.group(group)}" for group, members in groups.items() if name in members)
        for name, password in people.items()
    ]
    parts += [
        f"dn: {found.group(group)}\nobjectClass: groupOfNames\ncn: {group}"
        + "".join(f"\nmember: {found.person(name)}" for name in members)
        for group, members in groups.items()
    ]
    return "\n\n".join(parts) + "\n"
