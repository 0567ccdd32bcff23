"""The Vietnamese words of the interface: Superset ships none.

vi/*.json hold English text -> Vietnamese text. Pages read them as one language pack, the server as a message catalogue.
"""

import json
import os
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "vi"
PACK_PATH = "/superset/language_pack/vi/"
ONE_FORM = "nplurals=1; plural=0;"  # Vietnamese nouns have no plural


def words() -> dict[str, str]:
    """English text -> Vietnamese text, from all files. Raises ValueError when two files disagree."""
    merged: dict[str, str] = {}
    for path in sorted(WORDS.glob("*.json")):
        for english, vietnamese in json.loads(path.read_text(encoding="utf-8")).items():
            if merged.setdefault(english, vietnamese) != vietnamese:
                raise ValueError(f"{path.name}: {english!r} is translated in two ways")
    return merged


def language_pack() -> dict[str, Any]:
    """The pack that Superset's pages load."""
    head = {"domain": "superset", "plural_forms": ONE_FORM, "lang": "vi"}
    return {
        "domain": "superset",
        "locale_data": {"superset": {"": head, **{english: [text] for english, text in words().items()}}},
    }


def write_server_messages(folder: Path) -> Path:
    """Write the catalogue for texts that the server makes itself; returns the folder of translations."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    catalogue = Catalog(locale="vi", domain="messages")
    for english, text in words().items():
        catalogue.add(english, text)
    path = folder / "vi" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")  # every process of the server writes it
    with partial.open("wb") as file:
        write_mo(file, catalogue)
    partial.replace(path)
    return folder


def serve_language_pack(app: Any) -> None:
    """Answer the pages' request for the pack with ours, on the log-in page too."""
    from flask import request

    pack = json.dumps(language_pack(), ensure_ascii=False)

    @app.before_request
    def language_pack_page() -> Any:
        if request.path != PACK_PATH:
            return None
        response = app.response_class(pack, mimetype="application/json")
        response.cache_control.max_age = 300
        return response
