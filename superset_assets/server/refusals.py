"""The server's own refusals in Vietnamese: many of them are written in its code and pass by its message catalogue."""

import json
import re
from typing import Any

from vietnamese import words

# how a text begins -> what is said instead; what stands behind it names objects of the server
MEANINGS = {
    "This endpoint requires the datasource": "Bạn không có quyền xem số liệu này.",
    "You need access to the following tables": "Bạn không có quyền đọc các bảng này.",
    "SQL statement contains disallowed function": "Câu lệnh dùng hàm không được phép.",
    "SQL statement references disallowed table": "Câu lệnh đọc bảng không được phép.",
    "Not found": "Không tìm thấy.",
    "Not Found": "Không tìm thấy.",
    "Forbidden": "Bạn không có quyền làm việc này.",
    "Access is Denied": "Bạn không có quyền làm việc này.",
    "Not authorized": "Hãy đăng nhập.",
    "Missing Authorization Header": "Hãy đăng nhập.",
    "Bad Authorization header": "Hãy đăng nhập.",
    "Fatal error": "Máy chủ gặp lỗi.",
    "400 Bad Request: The CSRF": "Phiên làm việc đã hết hạn, hãy tải lại trang.",
    "400 Bad Request": "Yêu cầu không hợp lệ.",
    "401 Unauthorized": "Hãy đăng nhập.",
    "403 Forbidden": "Bạn không có quyền mở trang này.",
    "404 Not Found": "Không có trang này.",
    "405 Method Not Allowed": "Yêu cầu không hợp lệ.",
    "429 Too Many Requests": "Quá nhiều yêu cầu cùng lúc, hãy thử lại sau.",
    "500 Internal Server Error": "Máy chủ gặp lỗi.",
}
BEGINNING = re.compile("|".join(map(re.escape, sorted(MEANINGS, key=len, reverse=True))))


def said(text: str, known: dict[str, str]) -> str:
    """A refusal in Vietnamese; what is not known stays as it is. known: English text -> Vietnamese text."""
    if text in known:
        return known[text]
    found = BEGINNING.match(text)
    return MEANINGS[found[0]] if found else text


def tell_refusals_in_vietnamese(app: Any) -> None:
    """Put the words of a refusal into Vietnamese while it is sent."""
    known = words()

    @app.after_request
    def told(response: Any) -> Any:
        if response.status_code < 400 or response.mimetype != "application/json":
            return response
        answer = json.loads(response.get_data())
        if not isinstance(answer, dict):
            return response
        for part in (answer, *(one for one in answer.get("errors") or [] if isinstance(one, dict))):
            for key in ("message", "msg", "error"):
                if isinstance(part.get(key), str):
                    part[key] = said(part[key], known)
        response.set_data(json.dumps(answer, ensure_ascii=False))
        return response
