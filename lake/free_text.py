"""Free texts without the identifiers that people write into them."""

import polars as pl

# Digits may be grouped by blanks, points and hyphens, as people write them. Longer numbers come first: the first
# nine digits of a citizen number must not be taken for an old identity number.
GAP = r"[ .\-\u00a0\u2011]?"
IDENTIFIERS = {
    r"(?i)[\p{L}\p{N}._%+\-]+\s?(?:@|\(at\)|\[at\])\s?[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+": "[thư điện tử]",
    # 49A-123.45, 49-B1 234.56, 51F 12345, 29 LD 123.45
    r"(?i)\b\d{2}[ \-.]?[A-ZĐ]{1,2}\d?[ \-.]{0,2}\d{3}[ .\-]?\d{1,2}\b": "[biển số]",
    rf"(?:\+|\b00)84{GAP}(?:\(0\){GAP})?\d(?:{GAP}\d){{7,9}}": "[điện thoại]",
    rf"\b\d(?:{GAP}\d){{11,}}": "[số định danh]",
    rf"\(?\b0(?:{GAP}\d){{1,3}}\)?(?:{GAP}\d){{6,8}}\b": "[điện thoại]",
    rf"\b\d(?:{GAP}\d){{8,}}": "[số định danh]",
}
OWN = "[thông tin của người gửi]"
MIN_OWN = 5  # characters of a value of the same row that is looked for in its texts


def scrub(texts: pl.Series) -> pl.Series:
    """Texts with e-mail addresses, number plates, telephone, identity and citizen numbers replaced by what they were.

    In the same order; null stays null. Numbers of nine digits and more never stay, whatever they mean.
    """
    for pattern, shown in IDENTIFIERS.items():
        texts = texts.str.replace_all(pattern, shown)
    return texts


def without_own(texts: pl.Series, own: list[pl.Series]) -> pl.Series:
    """Texts without the values that other columns of the same row protect, such as the sender's name."""
    for values in own:
        frame = pl.DataFrame({"text": texts, "own": values.set(values.str.len_chars() < MIN_OWN, None)})
        found = frame.select(pl.col("text").str.contains(pl.col("own"), literal=True)).to_series().fill_null(False)
        parts = frame.select(pl.col("text").str.split(pl.col("own").fill_null("\0")).list.join(OWN)).to_series()
        texts = parts.zip_with(found, texts)
    return texts
