"""Configuration of the Superset server; everything it writes is below KHO_HOME.

The launcher passes KHO_HOME, makes the secret files and puts this folder on the path.
"""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from action_log import BatchedEventLogger
from audit_log import keep_audit_log
from database_facts import know_databases
from hardening import hardened
from kept_answers import keep_answers
from kept_descriptions import keep_descriptions
from kept_files import send_kept_files
from machine_door import open_machine_door
from no_rights import tell_those_without_rights
from own_account import lead_to_own_account
from page_corrections import correct_pages
from phone_layout import stack_for_phones
from published_files import keep_published_files_open
from query_limits import limit_duckdb_queries, limit_memory, tell_failures_in_vietnamese
from readable_parts import show_readable_parts
from refusals import tell_refusals_in_vietnamese
from remembered_statements import RememberingDuckDB, remember_statements
from row_rule_templates import RowRuleTemplates
from session_limit import end_sessions
from sign_in import Accounts
from single_sign_on import by_directory, sign_in_settings
from sqlalchemy.pool import QueuePool
from start_page import start_at_own_page
from vietnamese import serve_language_pack, write_server_messages
from wall_screen import show_on_walls
from warm_up import warm_up_after_publication

HOME = Path(os.environ["KHO_HOME"])
FOLDER = HOME / "superset"
OVERVIEW = "tong-quan-tinh"
DASHBOARD_PATH = f"/superset/dashboard/{OVERVIEW}/"
POINTERS = [HOME / "published" / product / "current" for product in ("figures", "facts")]

# --- who we are -------------------------------------------------------------------------------------------------------
APP_NAME = "Kho Tỉnh"
LOGO = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='118' height='28'>"
    "<rect width='28' height='28' rx='6' fill='%23135d8f'/>"
    "<path d='M7 20V11h3v9zM12.5 20V7h3v13zM18 20v-6h3v6z' fill='white'/>"
    "<text x='36' y='20' font-family='Inter,Helvetica,Arial' font-size='17' font-weight='600' fill='%23135d8f'>"
    "Kho Tỉnh</text></svg>"
)
APP_ICON = LOGO
FAVICONS = [{"href": "/static/assets/images/favicon.png"}]
LOGO_TARGET_PATH = DASHBOARD_PATH
THEME_DEFAULT: dict[str, Any] = {
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": APP_NAME,
        "brandLogoUrl": LOGO,
        "brandLogoMargin": "14px 0",
        "brandLogoHref": DASHBOARD_PATH,
        "brandLogoHeight": "28px",
        "brandSpinnerUrl": None,
        "brandSpinnerSvg": None,
        "colorPrimary": "#135d8f",
        "colorLink": "#135d8f",
        "colorError": "#b42318",
        "colorWarning": "#c77700",
        "colorSuccess": "#1a7f4e",
        "colorInfo": "#135d8f",
        "fontUrls": [],
        "fontFamily": "Inter, Helvetica, Arial, sans-serif",
        "fontFamilyCode": "'IBM Plex Mono', 'Courier New', monospace",
        "transitionTiming": 0.3,
        "brandIconMaxWidth": 37,
        "fontSizeXS": "8",
        "fontSizeXXL": "28",
        "fontWeightNormal": "400",
        "fontWeightLight": "300",
        "fontWeightStrong": "500",
        "fontWeightBold": "700",
        "colorEditorSelection": "#fff5cf",
    },
    "algorithm": "default",
}
THEME_DARK = None  # colours carry meaning on the dashboards: one theme
ENABLE_UI_THEME_ADMINISTRATION = False
THEME_FONT_URL_ALLOWED_DOMAINS: list[str] = []

# --- Vietnamese -------------------------------------------------------------------------------------------------------
LANGUAGES = {"vi": {"flag": "vn", "name": "Tiếng Việt"}}
BABEL_DEFAULT_LOCALE = "vi"
BABEL_TRANSLATION_DIRECTORIES = str(write_server_messages(FOLDER / "translations"))
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}
DAYS = ["Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"]
D3_TIME_FORMAT = {
    "dateTime": "%d/%m/%Y %H:%M:%S",
    "date": "%d/%m/%Y",
    "time": "%H:%M:%S",
    "periods": ["SA", "CH"],
    "days": DAYS,
    "shortDays": ["CN", "T2", "T3", "T4", "T5", "T6", "T7"],
    "months": [f"Tháng {month}" for month in range(1, 13)],
    "shortMonths": [f"Th{month}" for month in range(1, 13)],
}
CURRENCIES = ["VND"]

# --- secrets and accounts ---------------------------------------------------------------------------------------------
SECRET_KEY = (HOME / "secrets" / "superset_secret_key").read_text().strip()
GUEST_TOKEN_JWT_SECRET = SECRET_KEY
GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
# a group taken away in the directory is known at the next sign-in: with single sign-on that is soon
SESSION_HOURS = float(os.environ.get("KHO_SUPERSET_SESSION_HOURS") or (1 if by_directory(os.environ) else 12))
PERMANENT_SESSION_LIFETIME = timedelta(hours=SESSION_HOURS)
# a token of the API is no way around it: it holds a quarter of an hour, and is renewed for a session's time
JWT_ACCESS_TOKEN_EXPIRES = min(timedelta(minutes=15), PERMANENT_SESSION_LIFETIME)
JWT_REFRESH_TOKEN_EXPIRES = PERMANENT_SESSION_LIFETIME
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# behind a proxy with TLS the cookie never travels in the clear
SESSION_COOKIE_SECURE = os.environ.get("KHO_SUPERSET_HTTPS") == "1"
ENABLE_PROXY_FIX = SESSION_COOKIE_SECURE
WTF_CSRF_ENABLED = True
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
RATELIMIT_APPLICATION = "500 per second"  # one page asks for a hundred files at once
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "5 per second"
CUSTOM_SECURITY_MANAGER = Accounts
FAB_PASSWORD_COMPLEXITY_ENABLED = False  # the generated ones are longer than any rule asks for
AUTH_ROLE_PUBLIC = "Public"  # and it has no right
AUTH_USER_REGISTRATION = False
globals().update(sign_in_settings(HOME, os.environ))
FAB_API_SWAGGER_UI = False  # it loads scripts of a foreign host

# --- stores -----------------------------------------------------------------------------------------------------------
SQLALCHEMY_DATABASE_URI = os.environ.get("KHO_SUPERSET_METADATA") or f"sqlite:///{FOLDER / 'superset.db'}"
if SQLALCHEMY_DATABASE_URI.startswith("sqlite"):
    SQLALCHEMY_ENGINE_OPTIONS = {
        # threads wait for each other instead of failing
        "connect_args": {"timeout": 30, "check_same_thread": False},
        # connections stay open: whoever closes the last one writes the journal into the file, at every question
        "poolclass": QueuePool,
        "pool_size": 10,
        "max_overflow": 20,
    }
UPLOAD_FOLDER = str(FOLDER / "uploads") + "/"
_CACHE = {
    "CACHE_TYPE": "snapshot_cache.SnapshotCache",
    "CACHE_DIR": str(FOLDER / "cache"),
    "CACHE_THRESHOLD": 10_000,  # between two publications; beyond it each answer looks through all for the oldest
    "CACHE_DEFAULT_TIMEOUT": int(timedelta(days=1).total_seconds()),
    "KHO_POINTERS": [str(pointer) for pointer in POINTERS],
}
CACHE_CONFIG = {**_CACHE, "CACHE_KEY_PREFIX": "objects_"}
DATA_CACHE_CONFIG = {**_CACHE, "CACHE_KEY_PREFIX": "answers_"}
CELERY_CONFIG = None
SQLALCHEMY_EXAMPLES_URI = SQLALCHEMY_DATABASE_URI

# --- limits -----------------------------------------------------------------------------------------------------------
QUERY_SECONDS = int(os.environ.get("KHO_SUPERSET_QUERY_SECONDS") or 30)
MEMORY_GB = float(os.environ.get("KHO_SUPERSET_MEMORY_GB") or 4)
SUPERSET_WEBSERVER_TIMEOUT = QUERY_SECONDS + 15
SQLLAB_TIMEOUT = QUERY_SECONDS
ROW_LIMIT = 20_000
SQL_MAX_ROW = 100_000
PREVENT_UNSAFE_DB_CONNECTIONS = True
DB_CONNECTION_MUTATOR = hardened(HOME / "published")
# the log that connections of one process to one file share is nobody's to turn on or to read
LOG_OF_QUESTIONS = {"enable_logging", "disable_logging", "truncate_duckdb_logs", "duckdb_logs", "duckdb_logs_parsed"}
DISALLOWED_SQL_FUNCTIONS = {"duckdb": LOG_OF_QUESTIONS}
DISALLOWED_SQL_TABLES = {"duckdb": LOG_OF_QUESTIONS}
SQLGLOT_DIALECTS_EXTENSIONS = {"duckdb": RememberingDuckDB}
CUSTOM_TEMPLATE_PROCESSORS = {"duckdb": RowRuleTemplates}
DATASET_IMPORT_ALLOWED_DATA_URLS: list[str] = []
SHOW_STACKTRACE = False

# --- nothing leaves for foreign hosts ---
MAPBOX_API_KEY = ""
ENABLE_CORS = False
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'self'"],
        "form-action": ["'self'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}
CONTENT_SECURITY_POLICY_WARNING = False

FEATURE_FLAGS = {
    "ALLOW_ADHOC_SUBQUERY": False,
    "DASHBOARD_RBAC": False,
    "DASHBOARD_VIRTUALIZATION": False,  # a printed or photographed page is whole
    "EMBEDDABLE_CHARTS": False,
    "MENU_HIDE_USER_INFO": by_directory(os.environ),  # the directory keeps names and passwords
    "ENABLE_TEMPLATE_PROCESSING": True,  # for the row rule alone: see row_rule_templates.py
}

LOG_LEVEL = logging.WARNING
EVENT_LOGGER = BatchedEventLogger()


def FLASK_APP_MUTATOR(app: Any) -> None:
    """Add what configuration alone cannot: our language pack, the start page, the limits of queries."""
    know_databases()
    remember_statements()
    keep_published_files_open()
    limit_duckdb_queries(QUERY_SECONDS)
    limit_memory(MEMORY_GB)
    tell_failures_in_vietnamese()
    keep_audit_log(app, HOME / "logs" / "audit")
    end_sessions(app, PERMANENT_SESSION_LIFETIME)
    open_machine_door(app)
    tell_those_without_rights(app)
    serve_language_pack(app)
    start_at_own_page(app, OVERVIEW)
    lead_to_own_account(app)
    tell_refusals_in_vietnamese(app)
    correct_pages(app)
    show_on_walls(app)
    show_readable_parts(app)
    stack_for_phones(app)
    keep_descriptions(app)
    keep_answers(app)
    send_kept_files(app)
    warm_up_after_publication(app, POINTERS)
