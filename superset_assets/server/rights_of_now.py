"""What decides, beside the figures, which answer a question gets: rights, row rules, and what datasets say they are.

It is read anew at each request: a right that is taken away, or a dataset that is changed, works at once.
"""

import hashlib
from functools import lru_cache
from typing import Any


def fingerprint() -> str:
    """Of who asks, the same for all of the same rights; read once a request, and again for another person."""
    from flask import g

    user = getattr(g, "user", None)
    known, told = g.get("kho_rights", (None, ""))
    if not told or known is not user:
        told = read()
        g.kho_rights = user, told
    return str(told)


def read() -> str:
    """The same, whatever was read before in this request."""
    from superset import db, security_manager

    roles = sorted((role.id, role.name) for role in security_manager.get_user_roles())
    asked = {"roles": [number for number, _ in roles]}
    told = [list(map(tuple, db.session.execute(one, asked))) for one in _statements()]
    return hashlib.sha256(repr((roles, told)).encode()).hexdigest()


@lru_cache(maxsize=1)
def _statements() -> tuple[Any, ...]:
    """Rights of the roles, row rules, to whom and to what they apply, and when definitions were changed."""
    from flask_appbuilder.security.sqla.models import assoc_permissionview_role as granted
    from sqlalchemy import bindparam, func, literal, select, union_all
    from superset.connectors.sqla import models

    right, rule = granted.c.permission_view_id, models.RowLevelSecurityFilter.__table__.c
    of_role, of_table = models.RLSFilterRoles.c, models.RLSFilterTables.c
    defined = [one.__table__ for one in (models.SqlaTable, models.TableColumn, models.SqlMetric, models.Database)]
    mine = granted.c.role_id.in_(bindparam("roles", expanding=True))
    return (
        select(right).distinct().where(mine).order_by(right),
        select(rule.id, rule.clause, rule.group_key, rule.filter_type).order_by(rule.id),
        union_all(
            select(literal("role").label("kind"), of_role.rls_filter_id.label("rule"), of_role.role_id.label("of")),
            select(literal("table"), of_table.rls_filter_id, of_table.table_id),
        ).order_by("kind", "rule", "of"),
        union_all(
            *(select(literal(one.name).label("kind"), func.count(), func.max(one.c.changed_on)) for one in defined)
        ).order_by("kind"),
    )
