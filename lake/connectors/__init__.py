"""One module a protocol; each reads any dataset of its protocol by the contract's `source`."""

from lake.connectors import files, odata, package, postgres, rest, sensorthings
from lake.connectors.base import Extract, Reader, SourceError, SourceFile, SourceFormatError, Window

CONNECTORS: dict[str, Reader] = {
    "rest": rest.read,
    "postgres": postgres.read,
    "files": files.read,
    "package": package.read,
    "sensorthings": sensorthings.read,
    "odata": odata.read,
}

__all__ = ["CONNECTORS", "Extract", "SourceError", "SourceFile", "SourceFormatError", "Window"]
