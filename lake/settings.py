"""Where things are: every setting comes from the environment or from `$KHO_HOME/kho.env`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

TIME_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")  # days, weeks and months of every figure are Vietnamese ones


NAMED = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def names_in(text: str) -> list[str]:
    """The settings that a text names as `${NAME}`, each once, in order."""
    return list(dict.fromkeys(NAMED.findall(text)))


class SettingsError(ValueError):
    """A setting is missing or unusable; the message names it and says what to do."""


@dataclass(frozen=True)
class Settings:
    """One province's installation.

    home: the one folder written at run time. lake_url: `file:///…` or `s3://bucket/prefix`.
    province: two-digit code of the province served. contracts: folder of dataset contracts.
    env: the environment merged over `$KHO_HOME/kho.env`, for sources' addresses and secrets.
    beside: the folder below home to build in instead of home, for what is not to touch the warehouse that is there.
    """

    home: Path
    lake_url: str
    province: str
    contracts: Path
    env: Mapping[str, str] = field(repr=False)
    beside: str = ""

    @property
    def warehouse(self) -> Path:
        """The private DuckDB file that dbt builds in."""
        return self.home / self.beside / "warehouse.duckdb"

    @property
    def ledger_index(self) -> Path:
        """The Parquet index of the ledger that SQL reads, rewritten by each refresh."""
        return self.home / self.beside / "ledger_index.parquet"

    @property
    def published(self) -> Path:
        """Folder of published products and their snapshots."""
        return self.home / "published"

    @property
    def pseudonym_key_file(self) -> Path:
        """The key given to the door alone."""
        return Path(self.env.get("KHO_PSEUDONYM_KEY_FILE") or self.home / "secrets" / "pseudonym.key")

    def source(self, name: str) -> str:
        """The value of a source's setting such as `ONE_STOP_URL`.

        Raises SettingsError if it is not set.
        """
        value = self.env.get(name)
        if not value:
            raise SettingsError(f"{name} is not set: put it in the environment or in {self.home / 'kho.env'}")
        return value


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; the environment wins over `$KHO_HOME/kho.env`."""
    environ = os.environ if environ is None else environ
    home = Path(environ.get("KHO_HOME") or Path(__file__).parents[1] / "var").absolute()
    if home.exists() and not home.is_dir():
        raise SettingsError(f"KHO_HOME is {home}, which is no folder")
    from_file = {
        name: value for name, value in dotenv_values(home / "kho.env", interpolate=False).items() if value is not None
    }
    env = {**from_file, **environ}
    province = env.get("KHO_PROVINCE", "68")
    if not (len(province) == 2 and province.isdigit()):
        raise SettingsError(f"KHO_PROVINCE is {province!r}; expected a two-digit province code such as 68")
    return Settings(
        home=home,
        lake_url=env.get("LAKE_URL") or (home / "lake").as_uri(),
        province=province,
        contracts=Path(env.get("KHO_CONTRACTS") or Path(__file__).parent / "contracts"),
        env=env,
    )
