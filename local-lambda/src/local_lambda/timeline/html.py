"""The SVG picture in an HTML page, with a box that describes what the pointer or the keyboard focus is on."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from local_lambda.timeline.model import Timeline
from local_lambda.timeline.svg import draw_svg

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 24px auto; max-width: 1400px; padding: 0 12px; font: 14px system-ui, sans-serif;
  background: light-dark(#ffffff, #0d1117); color: light-dark(#1f2328, #e6edf3) }}
svg {{ width: 100%; height: auto }}
text {{ pointer-events: none }}
[tabindex]:hover, [tabindex]:focus {{ stroke-width: 2; outline: none }}
#hint {{ position: fixed; max-width: 60ch; padding: 6px 10px; border-radius: 6px; white-space: pre-wrap;
  pointer-events: none; background: light-dark(#1f2328, #e6edf3); color: light-dark(#ffffff, #0d1117) }}
</style>
</head>
<body>
{svg}
<div id="hint" role="status" hidden></div>
<script>
const hint = document.getElementById("hint");
function show(element, x, y) {{
  hint.textContent = element.dataset.hint;
  hint.hidden = false;
  hint.style.left = Math.min(x + 14, innerWidth - hint.offsetWidth - 8) + "px";
  hint.style.top = Math.min(y + 14, innerHeight - hint.offsetHeight - 8) + "px";
}}
for (const element of document.querySelectorAll("[data-hint]")) {{
  element.addEventListener("pointermove", event => show(element, event.clientX, event.clientY));
  element.addEventListener("pointerleave", () => hint.hidden = true);
  element.addEventListener("focus", () => {{
    const box = element.getBoundingClientRect();
    show(element, box.right, box.bottom);
  }});
  element.addEventListener("blur", () => hint.hidden = true);
}}
</script>
</body>
</html>
"""
_ELEMENT = re.compile(r"<(rect|path)( [^<>]*?data-(?:span|mark|subsegment)=[^<>]*?)>\s*<title>([^<]*)</title>")


def draw_html(timeline: Timeline, title: str = "") -> str:
    """A self-contained page; it loads nothing from elsewhere."""
    return html_of(draw_svg(timeline, title))


def html_of(svg: str) -> str:
    """The page for a picture that `draw_svg` has drawn: what the page says is in the picture's titles."""
    title = re.findall(r'<title id="title">([^<]*)</title>', svg)[0]
    return _PAGE.format(title=title, svg=with_hints(svg))


def with_hints(svg: str) -> str:
    """The picture with its hints as attributes, on elements that the keyboard reaches."""
    return _ELEMENT.sub(_hinted, svg)


def _hinted(found: re.Match[str]) -> str:
    """The hint as an attribute that the script reads; the browser's own tooltip appears with a delay."""
    kind, attributes, hint = found.groups()
    hint = escape(hint, {'"': "&quot;", "\n": "&#10;"}).replace("&amp;", "&")
    return f'<{kind}{attributes} tabindex="0" data-hint="{hint}">'
