import subprocess
import sys

import pytest

from superset_assets.launch import SupersetError, listening


def test_two_servers_that_start_at_once_do_not_take_the_same_port() -> None:
    """Neither has begun to answer when the other looks for a port."""
    with listening(0) as wanted, listening(wanted.getsockname()[1], 0) as other:
        assert other.getsockname()[1] not in (0, wanted.getsockname()[1])


def test_the_first_free_port_is_taken() -> None:
    with listening(0) as one:
        port = one.getsockname()[1]
    with listening(port, 0) as again:
        assert again.getsockname() == ("127.0.0.1", port)


def test_a_port_that_is_taken_is_named() -> None:
    with listening(0) as taken, pytest.raises(SupersetError, match=rf"tried {taken.getsockname()[1]}\)"):
        listening(taken.getsockname()[1])


def test_a_listener_is_inherited_by_none_that_it_is_not_given_to() -> None:
    with listening(0) as listener:
        there = f"import os; os.fstat({listener.fileno()})"
        given = subprocess.run([sys.executable, "-c", there], pass_fds=[listener.fileno()], check=False)
        other = subprocess.run([sys.executable, "-c", there], check=False, close_fds=False, stderr=subprocess.DEVNULL)
    assert (given.returncode, other.returncode) == (0, 1)
