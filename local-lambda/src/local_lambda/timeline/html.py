"""The SVG picture in an HTML page, with a box that describes what the pointer or the keyboard focus is on.

The picture is one stop of the Tab key. Within it, the arrow keys lead from element to element.
"""

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
.framed {{ overflow: hidden }}
.framed body {{ margin: 0; max-width: none; padding: 0; background: none }}
.framed svg {{ display: block }}
.framed .back {{ fill: none }}
[tabindex]:hover, [tabindex]:focus {{ stroke-width: 2; outline: none }}
[tabindex]:focus-visible {{ outline: 2px solid light-dark(#0969da, #58a6ff); outline-offset: 3px }}
#hint {{ position: fixed; box-sizing: border-box; max-width: min(110ch, calc(100vw - 16px));
  max-height: calc(100vh - 8px); overflow: auto; padding: 6px 10px; border-radius: 6px; pointer-events: none;
  white-space: pre-wrap; overflow-wrap: anywhere;
  background: light-dark(#1f2328, #e6edf3); color: light-dark(#ffffff, #0d1117) }}
</style>
<script>
document.documentElement.classList.toggle("framed", self !== top); // the page around it has margins and a background
</script>
</head>
<body>
{svg}
<div id="hint" aria-hidden="true" hidden></div>
<script>
const hint = document.getElementById("hint");
const elements = [...document.querySelectorAll("[data-hint]")];
const place = (at, size, room) => Math.max(4, Math.min(at + 14, room - size - 4)) + "px";
function show(element, x, y) {{
  hint.textContent = element.dataset.hint;
  hint.hidden = false;
  hint.style.left = hint.style.top = "0"; // at the right edge, it would be measured as narrower
  const left = place(x, hint.offsetWidth, document.documentElement.clientWidth);
  hint.style.top = place(y, hint.offsetHeight, innerHeight);
  hint.style.left = left;
}}
function scroll(by) {{
  const before = hint.scrollTop;
  hint.scrollTop += by;
  return hint.scrollTop !== before;
}}
for (const element of elements) {{
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", element.dataset.hint);
  element.addEventListener("pointermove", event => show(element, event.clientX, event.clientY));
  element.addEventListener("pointerleave", () => hint.hidden = true);
  element.addEventListener("wheel", event => scroll(event.deltaY) && event.preventDefault(), {{ passive: false }});
  element.addEventListener("focus", () => {{
    for (const each of elements) each.tabIndex = each === element ? 0 : -1;
    const box = element.getBoundingClientRect();
    show(element, box.right, box.bottom);
  }});
  element.addEventListener("blur", () => hint.hidden = true);
}}
document.addEventListener("keydown", event => {{
  if (event.key === "Escape") hint.hidden = true;
  const index = elements.indexOf(document.activeElement);
  if (index < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const steps = {{ ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: elements.length - 1 }};
  const lines = {{ ArrowUp: -40, ArrowDown: 40 }}[event.key];
  if (lines ? !hint.hidden && scroll(lines) : event.key in steps) event.preventDefault();
  if (event.key in steps) elements[steps[event.key]]?.focus();
}});
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
    svg = with_hints(svg).replace(' role="img"', ' role="group"', 1).replace(' tabindex="-1"', ' tabindex="0"', 1)
    return _PAGE.format(title=title, svg=svg)


def with_hints(svg: str) -> str:
    """The picture with its hints as attributes, on elements that a script can give the keyboard focus."""
    return _ELEMENT.sub(_hinted, svg)


def _hinted(found: re.Match[str]) -> str:
    """The hint as an attribute that the script reads; the browser's own tooltip appears with a delay."""
    kind, attributes, hint = found.groups()
    hint = escape(hint, {'"': "&quot;", "\n": "&#10;"}).replace("&amp;", "&")
    return f'<{kind}{attributes} tabindex="-1" data-hint="{hint}">'
