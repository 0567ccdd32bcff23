"""What is wrong with a drawn page, as a reader would see it: errors, empty charts, cut-off text, words in English."""

import json
import re
from pathlib import Path
from typing import Any

WORDS = Path(__file__).parent / "server" / "vi"
# Proper names, units and codes that Vietnamese pages show as they are; the rest of the pack's words are faults.
NAMES = {"excel", "html", "json", "superset", "prophet", "email", "chart"}
COLUMN = re.compile(r"(?<![\w/.-])[a-z0-9]+(?:_[a-z0-9]+)+(?![\w/.-])")  # a column's name where its title should be
MARKS = re.compile(r"[a-z]{4,}")

# Of every chart: its title, whether anything is drawn in it, the texts that are cut off and the parts that stick out.
LOOK = """
() => {
  const seen = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
  const short = text => text.trim().replace(/\\s+/g, ' ').slice(0, 80);
  const empty = [], cut = [];
  for (const holder of document.querySelectorAll('.dashboard-component-chart-holder')) {
    if (!seen(holder)) continue;
    const chart = holder.querySelector('[data-test=chart-grid-component]');
    const title = chart ? chart.getAttribute('data-test-chart-name') : short(holder.innerText);
    const body = chart ? chart.querySelector('[id^=chart-id]') : holder;
    const nothing = holder.querySelector('.ant-empty, [data-test=empty-state]');
    const rows = body && body.querySelector('[role=table], table');
    const drawn = body && (body.querySelector('canvas, svg') || (body.innerText || '').trim());
    if (!drawn || nothing || (rows && !body.querySelector('tbody td'))) empty.push(title);
    for (const part of holder.querySelectorAll('*')) {
      if (!seen(part) || part.closest('svg')) continue;
      const style = getComputedStyle(part);
      // what is a pixel wide is there for screen readers alone
      const tooWide = part.scrollWidth > part.clientWidth + 2 && part.clientWidth > 2;
      const own = [...part.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
      if (tooWide && own && style.overflowX !== 'visible' && style.display !== 'inline')
        cut.push(`${title}: «${short(part.innerText)}»`);
      // a table's head has no height where its rows stand as cards
      const shut = part.closest('div[role=presentation]')?.clientHeight === 0;
      if (tooWide && !shut && part.matches('[role=table] [role=presentation], .dt-controls, .table-condensed'))
        cut.push(`${title}: the table is ${part.scrollWidth - part.clientWidth} px wider than its box`);
    }
    if (!chart && holder.scrollHeight > holder.clientHeight + 4) cut.push(`${title}: the text is higher than its box`);
    const picture = body && body.getBoundingClientRect(), box = holder.getBoundingClientRect();
    if (picture && (picture.right > box.right + 2 || picture.bottom > box.bottom + 2) && seen(body))
      cut.push(`${title}: the picture is larger than its box`);
    const first = rows && body.querySelector('tbody tr');
    if (first && first.getBoundingClientRect().bottom > picture.bottom + 2) cut.push(`${title}: not one row is whole`);
    for (const line of body ? body.querySelectorAll('.kicker, .header-line, .subheader-line, .subtitle-line') : [])
      if (line.getBoundingClientRect().top < picture.top - 2)
        cut.push(`${title}: «${short(line.innerText)}» is cut above`);
    const left = body ? Math.round(picture.height) : 0;
    if (chart && body && left < 60) cut.push(`${title}: only ${left} px are left for it`);
  }
  const page = document.scrollingElement;
  const over = page.scrollWidth - page.clientWidth;
  if (over > 2) cut.push(`the page is ${over} px too wide`);
  const said = [...document.querySelectorAll('[placeholder]')].filter(seen).map(e => e.placeholder);
  const content = document.querySelector('[data-test=dashboard-content-wrapper], .dashboard-content');
  const bar = document.querySelector('[data-test=filter-bar]');
  return {empty, cut: [...new Set(cut)], said: [content, bar].filter(Boolean).map(e => e.innerText).concat(said)};
}
"""


def look(page: Any) -> dict[str, list[str]]:
    """Titles of empty charts, texts cut off, and English words in what a reader reads (not in menus of editors).

    page: a drawn page of the browser.
    """
    found = page.evaluate(LOOK)
    return {"empty": found["empty"], "cut": found["cut"], "english": english("\n".join(found["said"]))}


def english(text: str, folder: Path = WORDS) -> list[str]:
    """The words of a text that the language pack knows as English, whole lines that are its English texts, columns."""
    pack = _pack(folder)
    vietnamese = {word for told in pack.values() for word in MARKS.findall(told.lower())}
    foreign = {word for asked in pack for word in MARKS.findall(asked.lower())} - vietnamese - NAMES
    words = {word for word in re.findall(r"(?<![\w/.-])[a-z]{4,}(?![\w/.-])", text.lower()) if word in foreign}
    lines = {line.strip() for line in text.splitlines() if pack.get(line.strip(), line.strip()) != line.strip()}
    return sorted(words | lines | set(COLUMN.findall(text)))


def _pack(folder: Path) -> dict[str, str]:
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {english: told for one in read for english, told in one.items()}
