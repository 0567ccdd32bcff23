"""A person's request: after `kho erase` nothing of them is left in any file; after a new key persons stay linked."""

import pytest

from tests.e2e.installation import Installation, contents

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
REPEATED = (
    "select applicant_pseudonym as who, count(*) as n from stg_one_stop__dossiers group by 1 having count(*) = 2 "
    "order by 1 limit 1"
)


def test_a_new_key_keeps_persons_linked_and_an_erased_one_is_in_no_file(installation: Installation) -> None:
    persons = "select count(distinct applicant_pseudonym) as persons, count(*) as n from stg_one_stop__dossiers"
    before, (former,) = installation.rows(persons), installation.rows(REPEATED)
    home = installation.home
    assert any(former["who"].encode() in content for _, content in contents(home))
    rotated = installation.kho("keys", "rotate")
    assert rotated.returncode in (0, 3), rotated.stderr[-3000:]
    assert installation.rows(persons) == before
    assert [path for path, content in contents(home) if former["who"].encode() in content] == []

    (person,) = installation.rows(REPEATED)
    request = ("--asked-by", "Văn phòng UBND", "--reason", "Công dân yêu cầu")
    done = installation.kho("erase", person["who"], *request)
    assert done.returncode in (0, 3), done.stderr[-3000:]
    assert "one_stop.dossiers: " in done.stderr
    assert [path for path, content in contents(home) if person["who"].encode() in content] == []
    assert installation.rows(persons) == [{"persons": before[0]["persons"] - 1, "n": before[0]["n"] - 2}]
    unfit = installation.kho("erase", "068090001234", *request)
    assert unfit.returncode == 2 and "64 hexadecimal digits" in unfit.stderr and "068090001234" not in unfit.stderr
