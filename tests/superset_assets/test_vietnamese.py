"""The words that the server's processes share."""

import subprocess
from pathlib import Path

from superset_assets.launch import BIN, SERVER
from superset_assets.server.vietnamese import language_pack, words

WRITE = """
import sys
from pathlib import Path
from vietnamese import write_server_messages
for _ in range(20):
    write_server_messages(Path(sys.argv[1]))
"""


def test_processes_that_start_at_once_write_the_same_catalogue(tmp_path: Path) -> None:
    command = [str(BIN / "python"), "-c", WRITE, str(tmp_path)]
    writers = [subprocess.Popen(command, cwd=SERVER, stderr=subprocess.PIPE) for _ in range(3)]
    told = [writer.communicate(timeout=120)[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], told
    assert [path.name for path in (tmp_path / "vi" / "LC_MESSAGES").iterdir()] == ["messages.mo"]


def test_the_pack_of_the_pages_holds_every_word() -> None:
    pack = language_pack()["locale_data"]["superset"]
    assert {english: told for english, (told,) in ((k, v) for k, v in pack.items() if k)} == words()
