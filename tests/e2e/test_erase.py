"""A person's request: after `kho erase` nothing of them is left in any file; after a new key persons stay linked."""

import pytest

from tests.e2e.installation import Installation, contents

pytestmark = pytest.mark.e2e
REPEATED = (
    "select applicant_pseudonym as who, count(*) as n from stg_one_stop__dossiers group by 1 having count(*) = 2 "
    "order by 1 limit 1"
)


def test_an_erased_person_is_in_no_file(installation: Installation) -> None:
    (person,) = installation.rows(REPEATED)
    total = installation.rows("select count(*) as n from stg_one_stop__dossiers")[0]["n"]
    lake = installation.home
    assert any(person["who"].encode() in content for _, content in contents(lake))
    done = installation.kho("erase", person["who"], "--asked-by", "Văn phòng UBND", "--reason", "Công dân yêu cầu")
    assert done.returncode in (0, 3), done.stderr[-3000:]
    assert "one_stop.dossiers: " in done.stderr
    assert [path for path, content in contents(lake) if person["who"].encode() in content] == []
    assert installation.rows("select count(*) as n from stg_one_stop__dossiers")[0]["n"] == total - 2
    again = installation.kho("erase", person["who"], "--asked-by", "Văn phòng UBND", "--reason", "Công dân yêu cầu")
    assert "nothing of these persons is in the lake" in again.stderr


def test_a_new_key_leaves_the_figures_as_they_were(installation: Installation) -> None:
    persons = "select count(distinct applicant_pseudonym) as persons, count(*) as n from stg_one_stop__dossiers"
    before, (person,) = installation.rows(persons), installation.rows(REPEATED)
    done = installation.kho("keys", "rotate")
    assert done.returncode in (0, 3), done.stderr[-3000:]
    assert installation.rows(persons) == before
    assert [path for path, content in contents(installation.home) if person["who"].encode() in content] == []
    hourly = installation.kho("refresh", "--hourly")
    assert hourly.returncode == 0, hourly.stderr[-3000:]
