"""The administrative procedures of a commune: what they are called, how long they may take, what they cost."""

from typing import NamedTuple


class Procedure(NamedTuple):
    """limit: working days allowed. weight: how often it is asked for. online: share filed on line at the merger.

    fee: thousand VND, 0 where it is free. eligible: it can be offered on line. identifies: it needs data that the
    population database has.
    """

    code: str
    name: str
    field: str
    limit: int
    weight: int
    online: float
    fee: int
    eligible: bool
    identifies: bool


_COPIES, _CIVIL, _SOCIAL = "Chứng thực", "Hộ tịch", "Bảo trợ xã hội"
_LAND, _BUSINESS, _BUILDING = "Đất đai", "Hộ kinh doanh", "Xây dựng"

PROCEDURES = [
    Procedure("2.000815", "Chứng thực bản sao từ bản chính giấy tờ, văn bản", _COPIES, 0, 18, 0.10, 10, True, False),
    Procedure("2.000884", "Chứng thực chữ ký trong các giấy tờ, văn bản", _COPIES, 0, 10, 0.10, 10, False, True),
    Procedure("1.001193", "Đăng ký khai sinh", _CIVIL, 1, 9, 0.55, 0, True, True),
    Procedure("1.000894", "Đăng ký kết hôn", _CIVIL, 1, 6, 0.45, 0, True, True),
    Procedure("1.000656", "Đăng ký khai tử", _CIVIL, 1, 5, 0.60, 0, True, True),
    Procedure("1.004873", "Cấp giấy xác nhận tình trạng hôn nhân", _CIVIL, 3, 6, 0.50, 15, True, True),
    Procedure("1.004884", "Đăng ký lại khai sinh", _CIVIL, 5, 2, 0.40, 8, True, True),
    Procedure("1.004859", "Thay đổi, cải chính, bổ sung thông tin hộ tịch", _CIVIL, 3, 2, 0.45, 15, True, True),
    Procedure("2.000635", "Cấp bản sao trích lục hộ tịch", _CIVIL, 1, 4, 0.70, 8, True, True),
    Procedure("1.001022", "Đăng ký nhận cha, mẹ, con", _CIVIL, 5, 1, 0.30, 15, False, True),
    Procedure("1.003583", "Đăng ký khai sinh lưu động", _CIVIL, 1, 1, 0.20, 0, False, True),
    Procedure("1.010833", "Cấp giấy xác nhận thân nhân của người có công", "Người có công", 5, 2, 0.35, 0, True, True),
    Procedure("1.001776", "Thực hiện, điều chỉnh trợ cấp xã hội hằng tháng", _SOCIAL, 22, 3, 0.40, 0, True, True),
    Procedure("1.001731", "Hỗ trợ chi phí mai táng cho đối tượng bảo trợ xã hội", _SOCIAL, 7, 2, 0.45, 0, True, True),
    Procedure("1.001699", "Xác định mức độ khuyết tật, cấp giấy xác nhận", _SOCIAL, 20, 1, 0.40, 0, True, True),
    Procedure("2.000355", "Đăng ký hoạt động cơ sở trợ giúp xã hội nhỏ", _SOCIAL, 10, 1, 0.40, 0, True, False),
    Procedure("1.011606", "Công nhận hộ nghèo, cận nghèo định kỳ hằng năm", "Giảm nghèo", 15, 1, 0.30, 0, True, True),
    Procedure("1.011607", "Công nhận hộ nghèo, hộ cận nghèo thường xuyên", "Giảm nghèo", 15, 1, 0.30, 0, True, True),
    Procedure("1.012753", "Đăng ký đất đai, cấp giấy chứng nhận lần đầu", _LAND, 20, 3, 0.35, 100, True, True),
    Procedure("1.012756", "Đăng ký đất đai lần đầu, đất được giao để quản lý", _LAND, 20, 2, 0.30, 100, True, False),
    Procedure("1.012783", "Cấp đổi giấy chứng nhận quyền sử dụng đất", _LAND, 10, 3, 0.35, 50, True, True),
    Procedure("1.012785", "Đính chính giấy chứng nhận đã cấp", _LAND, 15, 2, 0.30, 28, True, True),
    Procedure("1.013949", "Giao đất, cho thuê đất, chuyển mục đích sử dụng đất", _LAND, 20, 2, 0.35, 100, True, True),
    Procedure("1.012812", "Hòa giải tranh chấp đất đai", _LAND, 30, 1, 0.20, 0, False, False),
    Procedure("1.001612", "Đăng ký thành lập hộ kinh doanh", _BUSINESS, 3, 4, 0.80, 100, True, True),
    Procedure("2.000720", "Đăng ký thay đổi nội dung đăng ký hộ kinh doanh", _BUSINESS, 3, 2, 0.80, 100, True, True),
    Procedure("1.001570", "Tạm ngừng kinh doanh của hộ kinh doanh", _BUSINESS, 3, 1, 0.80, 0, True, False),
    Procedure("1.013225", "Cấp giấy phép xây dựng mới nhà ở riêng lẻ", _BUILDING, 15, 1, 0.55, 75, True, True),
    Procedure("1.013229", "Cấp giấy phép sửa chữa, cải tạo nhà ở riêng lẻ", _BUILDING, 10, 1, 0.50, 75, True, True),
    Procedure("1.010736", "Tham vấn trong đánh giá tác động môi trường", "Môi trường", 5, 1, 0.60, 0, True, False),
    Procedure("1.008901", "Thông báo thành lập thư viện cộng đồng", "Văn hóa", 1, 1, 0.50, 0, True, False),
    Procedure("1.012537", "Hỗ trợ hợp tác xã, tổ hợp tác ở cơ sở", "Nông nghiệp", 7, 1, 0.40, 0, True, False),
]  # fmt: skip
COPIES = "2.000815"  # whose result is a number of certified copies
