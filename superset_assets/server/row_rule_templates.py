"""Templates are rendered in the row rule alone: nothing that a user writes is ever run as one."""

import re
from typing import Any

from superset.exceptions import SupersetTemplateException
from superset.jinja_context import JinjaTemplateProcessor

MARKS = re.compile(r"\{\{|\{%|\{#")
KEPT = ("current_user_roles",)
REFUSED = "Câu hỏi này có dấu của khuôn mẫu ({{, {% hoặc {#); ở đây chỉ nhận câu SQL thường"


class RowRuleTemplates(JinjaTemplateProcessor):
    """Renders a clause that is kept as row rule, with the roles of who asks; refuses every other template."""

    _context: dict[str, Any]

    def set_context(self, **kwargs: Any) -> None:
        super().set_context(**kwargs)
        self._context = {name: self._context[name] for name in KEPT}

    def process_template(self, sql: str, **kwargs: Any) -> str:
        if not MARKS.search(sql):
            return sql
        from superset import db
        from superset.connectors.sqla.models import RowLevelSecurityFilter as Rule

        if db.session.query(Rule.id).filter(Rule.clause == sql).first() is None:
            raise SupersetTemplateException(REFUSED)
        return str(super().process_template(sql))
