"""What a contract's `source` may say, protocol by protocol; the connectors of the same name read it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Source(BaseModel):
    """Text may hold `${NAME}`, filled from the settings when the source is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClientCredentials(Source):
    """OAuth2 client credentials."""

    token_url: str
    client_id: str
    client_secret: str


class Paging(Source):
    """page: numbers from 1 in `page_param`. cursor: its place in the answer is `next`. next_link: an address."""

    style: Literal["page", "cursor", "next_link"]
    page_param: str | None = None
    size_param: str | None = None
    size: int | None = Field(default=None, gt=0)
    cursor_param: str | None = None
    next: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "Paging":
        needed = {"page": ("page_param", "size_param", "size"), "cursor": ("cursor_param",), "next_link": ()}
        if lacking := [name for name in needed[self.style] if getattr(self, name) is None]:
            raise ValueError(f"style {self.style} needs {', '.join(lacking)}")
        if (self.size is None) != (self.size_param is None):
            raise ValueError("size and size_param go together")
        return self


class UpdateWindow(Source):
    """Names of the parameters that bound the update time: from ≤ t < to."""

    from_param: str
    to_param: str


class Rest(Source):
    """JSON over HTTP. records: dotted path of the list of rows in an answer."""

    protocol: Literal["rest"]
    url: str
    path: str = ""
    records: str = ""
    auth: ClientCredentials | None = None
    paging: Paging | None = None
    window: UpdateWindow | None = None


class Postgres(Source):
    """A table or view of PostgreSQL."""

    protocol: Literal["postgres"]
    uri: str
    table: str
    window_column: str | None = None


class SkipRows(Source):
    """Rows that are no records, such as totals: those whose text in one of the columns looks like one of `values`.

    column: names in the source, any of them. values: patterns with `*`; case and blanks do not matter.
    """

    column: list[str]
    values: list[str] = Field(min_length=1)

    @field_validator("column", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Unpivot(Source):
    """Columns that are values of one variable: each becomes rows of their own.

    columns: a regular expression that the whole name matches; its first group, or else the name, is put in the column
    `name` and the cell in the column `value`.
    """

    columns: str
    name: str
    value: str


class Files(Source):
    """The fields of `source` for the protocol files.

    folder: a directory or `s3://bucket/prefix`; the other settings of S3 are those of the lake unless given.
    until: the table ends above the first row whose first filled cell looks like one of these patterns.
    from_name, from_title: column -> regular expression, tried on the file's name or the cells above the header; the
    groups year, quarter, month, day make a date, otherwise the first group is the value.
    compose: column -> text with `{column of the file}` in it.
    hidden_sheets: what to do with one that holds the contract's columns.
    """

    protocol: Literal["files"]
    folder: str = ""
    patterns: list[str] = []
    optional: bool = False
    endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    region: str | None = None
    skip_rows: list[SkipRows] = []
    until: list[str] = []
    from_name: dict[str, str] = {}
    from_title: dict[str, str] = {}
    compose: dict[str, str] = {}
    unpivot: Unpivot | None = None
    hidden_sheets: Literal["refuse", "skip"] = "refuse"

    @field_validator("skip_rows", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value


class Package(Source):
    """Reference data of an installed Python package."""

    protocol: Literal["package"]
    package: str
    table: str


class SensorThings(Source):
    """Observations of an OGC SensorThings service.

    window: by which time is asked. size: of a page. units: ObservedProperty -> `to` and, under `from`, the factor of
    each unit that may be delivered. data_array, count: false for a server that does these badly.
    """

    protocol: Literal["sensorthings"]
    url: str
    path: str = ""
    auth: ClientCredentials | None = None
    window: Literal["resultTime", "phenomenonTime"] = "resultTime"
    size: int | None = Field(default=None, gt=0)
    units: dict[str, dict[str, Any]] = {}
    data_array: bool = True
    count: bool = True


class WebUser(Source):
    """A user of the web application."""

    email: str
    password: str


class OData(Source):
    """Submissions of a form on ODK Central, or the rows of one of its repeat groups.

    project: its number. table: as the form's service document names it. size: submissions of a page.
    """

    protocol: Literal["odata"]
    url: str
    project: str | int
    form: str
    table: str = Field(default="Submissions", pattern=r"^Submissions(\..+)?$")
    auth: WebUser | None = None
    size: int | None = Field(default=None, gt=0)


class Derived(Source):
    """What we compute ourselves."""

    protocol: Literal["derived"]


SOURCES: dict[str, type[BaseModel]] = {
    "rest": Rest,
    "postgres": Postgres,
    "files": Files,
    "sensorthings": SensorThings,
    "odata": OData,
    "package": Package,
    "derived": Derived,
}


def model_of(source: dict[str, Any]) -> type[BaseModel]:
    """The model of a source's protocol. Raises ValueError naming those that are known."""
    protocol = source.get("protocol")
    if protocol not in SOURCES:
        raise ValueError(f"protocol {protocol!r} is not known; expected {', '.join(SOURCES)}")
    return SOURCES[str(protocol)]
