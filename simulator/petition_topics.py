"""What petitions are about, in the words of those who write them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """What people write about: things, what is wrong with them, what it does to them, and what they ask for."""

    things: list[str]
    wrongs: list[str]
    harms: list[str]
    wishes: list[str]


TOPICS = {
    "land": Topic(
        [
            "thửa đất nông nghiệp của gia đình tôi",
            "ranh giới đất ở với hộ liền kề",
            "hồ sơ cấp giấy chứng nhận quyền sử dụng đất",
            "phương án bồi thường khi thu hồi đất làm đường",
            "lối đi chung vào khu sản xuất",
            "diện tích đất khai hoang từ năm 1995",
        ],
        [
            "bị đo đạc sai so với hiện trạng",
            "bị lấn chiếm mà chưa ai xử lý",
            "được áp giá quá thấp so với thị trường",
            "nộp đã lâu nhưng không có kết quả",
            "bị cấp chồng lên giấy của người khác",
            "bị rào lại không cho ai đi qua",
        ],
        [
            "gia đình không thể canh tác suốt hai vụ cà phê",
            "hai bên nhiều lần xô xát",
            "chúng tôi không có chỗ tái định cư",
            "con cái không thể tách thửa làm nhà",
            "ngân hàng không cho vay vốn",
        ],
        [
            "đo đạc lại và công khai kết quả",
            "hòa giải dứt điểm tại xã",
            "xem xét lại đơn giá bồi thường",
            "trả lời bằng văn bản",
        ],
    ),
    "environment": Topic(
        [
            "trại heo cạnh khu dân cư",
            "bãi rác tự phát cuối thôn",
            "cơ sở chế biến mủ cao su",
            "con suối chảy qua thôn",
            "lò đốt gạch thủ công",
            "xưởng rửa cà phê ven hồ",
        ],
        [
            "xả nước thải đen ngòm ra mương",
            "bốc mùi hôi thối cả ngày lẫn đêm",
            "đốt rác khói mù mịt",
            "làm cá chết trắng mặt nước",
            "gây ồn đến quá nửa đêm",
            "đổ chất thải trộm vào ban đêm",
        ],
        [
            "người già trẻ nhỏ ho, khó thở",
            "giếng nước không dùng được nữa",
            "cả xóm phải đóng cửa suốt ngày",
            "rau màu héo úa",
            "khách du lịch bỏ đi",
        ],
        [
            "kiểm tra đột xuất và lấy mẫu nước",
            "đình chỉ hoạt động cho đến khi khắc phục",
            "di dời cơ sở ra khỏi khu dân cư",
            "lắp hệ thống xử lý nước thải",
        ],
    ),
    "infrastructure": Topic(
        [
            "tuyến đường liên thôn",
            "cây cầu treo qua suối",
            "hệ thống đèn đường",
            "đường ống nước sinh hoạt",
            "cống thoát nước đầu chợ",
            "trạm biến áp của thôn",
        ],
        [
            "hư hỏng nặng, ổ gà ổ voi dày đặc",
            "xuống cấp từ mùa mưa năm ngoái",
            "bị bỏ dở khi đang thi công",
            "thường xuyên mất vào giờ cao điểm",
            "bị tắc, nước ngập vào nhà",
            "làm xong chưa đầy một năm đã vỡ",
        ],
        [
            "học sinh đi học bị té ngã",
            "xe chở nông sản không vào được",
            "bà con phải mua nước từng can",
            "đã có hai vụ tai nạn",
            "ban đêm không ai dám ra đường",
        ],
        [
            "sửa chữa trước mùa mưa",
            "công khai kinh phí và tiến độ",
            "bố trí biển cảnh báo",
            "yêu cầu nhà thầu bảo hành",
        ],
    ),
    "procedure": Topic(
        [
            "bộ phận một cửa",
            "cán bộ tiếp nhận hồ sơ",
            "thủ tục đăng ký khai sinh",
            "thủ tục chứng thực",
            "cổng dịch vụ công",
            "việc đổi giấy tờ sau khi sáp nhập xã",
        ],
        [
            "bắt bổ sung giấy tờ nhiều lần",
            "hẹn rồi không trả kết quả",
            "thu tiền không có biên lai",
            "trả lời thiếu thái độ",
            "yêu cầu giấy tờ ngoài quy định",
            "báo lỗi, không nộp được hồ sơ",
        ],
        [
            "tôi phải nghỉ làm bốn buổi",
            "cháu chưa kịp nhập học",
            "lỡ hạn vay vốn ưu đãi",
            "người già phải đi hơn ba mươi cây số",
            "chúng tôi tốn kém tiền xe cộ",
        ],
        [
            "chấn chỉnh thái độ phục vụ",
            "trả kết quả đúng hẹn",
            "xin lỗi người dân bằng văn bản",
            "niêm yết rõ thành phần hồ sơ",
        ],
    ),
    "social_policy": Topic(
        [
            "chế độ trợ cấp người khuyết tật",
            "danh sách hộ nghèo năm nay",
            "tiền hỗ trợ sau bão",
            "trợ cấp cho người có công",
            "thẻ bảo hiểm y tế của hộ cận nghèo",
            "khoản hỗ trợ xóa nhà tạm",
        ],
        [
            "bị cắt mà không nói lý do",
            "xét không đúng đối tượng",
            "chi chậm đã ba tháng",
            "bị giữ lại một phần",
            "họp bình xét không mời dân",
            "bị ghi sai thông tin nên không lĩnh được",
        ],
        [
            "gia đình lâm vào cảnh thiếu ăn",
            "mẹ tôi không có tiền thuốc",
            "nhà dột nát không sửa được",
            "bà con trong thôn bất bình",
            "các cháu phải nghỉ học",
        ],
        [
            "rà soát lại danh sách",
            "chi trả đủ số tiền còn thiếu",
            "công khai kết quả bình xét tại nhà văn hóa",
            "cho biết căn cứ cắt chế độ",
        ],
    ),
    "misconduct": Topic(
        [
            "một cán bộ địa chính",
            "lãnh đạo thôn",
            "kế toán của hợp tác xã",
            "người phụ trách thu quỹ",
            "một cán bộ kiểm lâm",
            "hiệu trưởng nhà trường",
        ],
        [
            "nhận tiền rồi hứa lo hồ sơ",
            "khai khống khối lượng công trình",
            "thu nhiều khoản ngoài quy định",
            "bao che cho việc phá rừng",
            "dùng tiền quỹ vào việc riêng",
            "đe dọa người góp ý",
        ],
        [
            "nhân dân mất lòng tin",
            "quỹ của thôn thất thoát",
            "nhiều hộ bị thiệt hại",
            "không ai dám phát biểu trong cuộc họp",
            "rừng đầu nguồn bị chặt trơ trọi",
        ],
        [
            "thanh tra làm rõ và xử lý nghiêm",
            "thu hồi số tiền đã chiếm dụng",
            "bảo vệ người tố cáo",
            "đình chỉ công tác để xác minh",
        ],
    ),
}
