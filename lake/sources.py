"""What a contract's `source` may say, protocol by protocol; the connectors of the same name read it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


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


class Package(Source):
    """Reference data of an installed Python package."""

    protocol: Literal["package"]
    package: str
    table: str


class Derived(Source):
    """What we compute ourselves."""

    protocol: Literal["derived"]


SOURCES: dict[str, type[BaseModel]] = {"rest": Rest, "postgres": Postgres, "package": Package, "derived": Derived}


def model_of(source: dict[str, Any]) -> type[BaseModel]:
    """The model of a source's protocol. Raises ValueError naming those that are known."""
    protocol = source.get("protocol")
    if protocol not in SOURCES:
        raise ValueError(f"protocol {protocol!r} is not known; expected {', '.join(SOURCES)}")
    return SOURCES[str(protocol)]
