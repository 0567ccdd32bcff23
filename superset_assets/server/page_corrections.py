"""Small corrections of Superset's own pages, made while a script is sent.

They belong to the pinned version; the browser test fails when one no longer takes.
"""

import re
from typing import Any

CORRECTIONS = (
    # The navigation bar asks a foreign host for a picture. The content-security policy refuses it as well:
    # this keeps even the attempt out of the browser's log.
    (b"https://apachesuperset.gateway.scarf.sh/pixel/", b"data:,"),
    # Charts read their description under a name that the page does not store it by, and so never show it.
    (b".description_markdown", b".description_markeddown"),
    # Two buttons behind every legend, which have no room beside it.
    (b'selector:["all","inverse"]', b"selector:!1"),
    # The height of a line of text in charts, taken from a Chinese sign that fonts for Vietnamese may not have.
    ('{return s("国",t)}'.encode(), b'{return 1.3*s("M",t)}'),
    # A table's empty cell.
    (b'[!1,"N/A"]', '[!1,"–"]'.encode()),
    # A change that rounds to nothing is +0,0, never -0,0.
    (b'0==+e&&"+"!==', b'0==+e&&"0"!=='),
    # A legend names all its series, in as many lines as they need: no pages of which a telephone cuts the names.
    (b"!Number.isFinite(i)||i>2||s>(e>0?.25*e:1/0)", b"!Number.isFinite(i)||i>8||s>(e>0?.5*e:1/0)"),
    # The numbers below bars that lie: as many as the width has room for, not the height.
    (
        b"tY=t$?void 0:tB?1:Math.max(3,Math.floor(p/iT.TM.yAxisPixelsPerTick))",
        b"tY=t$?void 0:tB?1:Math.max(3,Math.floor((eq?d/2:p)/iT.TM.yAxisPixelsPerTick))",
    ),
    # Every cell of a table knows the name of its column, for tables that stand as cards (reading.css).
    (
        b'"aria-labelledby":`header-${H}`,role:"cell",',
        b'"aria-labelledby":`header-${H}`,"data-label":e.label,role:"cell",',
    ),
    # A big number is the newest figure that is known: the month above it is that one's.
    (b"em.length>0){if(ed=em[0][0],", b"em.length>0){if(ed=(em.find(e=>null!==e[1])||em[0])[0],"),
    # It is compared with the month so many months before it, not with the row so many rows before; a share changes by
    # percentage points, a score by points (compare_suffix begins with them); against nothing there is no percentage.
    (
        b"let iN=(0,P.gV)(t_.A.PERCENT_SIGNED_1_POINT);",
        b"let iN=(0,P.gV)(t_.A.PERCENT_SIGNED_1_POINT),iNpoints=(0,P.gV)('+,.1f'),"
        b"iNmonth=e=>12*new Date(e).getUTCFullYear()+new Date(e).getUTCMonth();",
    ),
    (
        b"if(er>0&&em.length>0&&er<em.length){let e=em[er][1],t=em[0][1];"
        b"null!==t&&null!==e&&(ec=e?(Number(t)-e)/Math.abs(e):0,ea=`${iN(ec)} ${A}`)}",
        (
            "if(er>0&&null!==ed){let e=(em.find(e=>null!==e[1]&&iNmonth(e[0])===iNmonth(ed)-er)||[])[1],t=eu;"
            "null!=t&&null!=e&&(String(N).endsWith('%')?(ec=Number(t)-e,ea=`${iNpoints(100*ec)} điểm % ${A}`):"
            "A.startsWith('điểm ')?(ec=Number(t)-e,ea=`${iNpoints(ec)} ${A}`):"
            "e&&(ec=(Number(t)-e)/Math.abs(e),ea=`${iN(ec)} ${A}`))}"
        ).encode(),
    ),
)

COLOURS = re.compile(r"^/api/v1/dashboard/\d+/colors$")
ERROR_PAGE = """<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font-family: Inter, Helvetica, Arial, sans-serif; color: #22303c; display: grid; place-items: center;
min-height: 90vh; }} h1 {{ color: #135d8f; }} a {{ color: #135d8f; }}</style></head>
<body><main><h1>{title}</h1><p>{advice}</p><p><a href="{address}">{way}</a></p></main></body></html>"""
ERRORS = {
    403: (
        "Không được mở trang này",
        "Tài khoản của bạn không có quyền; nếu cần cho công việc, xin báo cho bộ phận dữ liệu của tỉnh.",
    ),
    404: ("Không có trang này", "Có thể địa chỉ gõ sai hoặc trang đã chuyển đi nơi khác."),
    500: ("Máy chủ gặp lỗi", "Hãy thử lại sau ít phút; nếu vẫn lỗi, xin báo cho bộ phận dữ liệu của tỉnh."),
}


def correct_pages(app: Any) -> None:
    """Apply the corrections to the scripts that the server sends, and replace its English error pages.

    Those pages ask a foreign host for fonts, too.
    """
    from flask import jsonify, request

    @app.before_request
    def keep_colours() -> Any:
        # every reader's browser asks to store the colours that it worked out, and complains when it may not; they are
        # those of the files
        return jsonify({}) if request.method == "PUT" and COLOURS.match(request.path) else None

    @app.after_request
    def own_error_page(response: Any) -> Any:
        page = response.mimetype == "text/html" or request.accept_mimetypes.best == "text/html"
        if response.status_code in ERRORS and page and not getattr(response, "tells_more", False):
            title, advice = ERRORS[response.status_code]
            if request.path.startswith("/api/"):  # whoever asks there reads no page
                told = jsonify(message=f"{title}. {advice}")
                told.status_code = response.status_code
                return told
            response.direct_passthrough = False
            response.set_data(ERROR_PAGE.format(title=title, advice=advice, address="/", way="Về trang đầu"))
            response.mimetype = "text/html"
        return response

    @app.after_request
    def corrected(response: Any) -> Any:
        if not (request.path.startswith("/static/assets/") and request.path.endswith(".js")):
            return response
        if response.status_code != 200 or not response.direct_passthrough:
            return response
        response.direct_passthrough = False
        body = response.get_data()
        for wrong, right in CORRECTIONS:
            if wrong in body:
                body = body.replace(wrong, right)
                response.set_data(body)
        return response
