"""Small documents for the demonstration: a pathology report as PDF, a picture that looks a little like a mammogram.

The pictures are drawn, from nobody: two shades, a bright spot and noise of a fixed seed.
"""

import json
import random
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import typst
from PIL import Image, ImageDraw, ImageFilter

from meetings.reports.printing import FONTS

_TEMPLATE = """
#let paper = json(bytes(sys.inputs.paper))
#set page(paper: "a4", margin: 22mm)
#set text(font: "Noto Sans", size: 10.5pt, lang: "nl")
#text(size: 15pt, weight: "bold", paper.title)
#v(4mm)
#table(columns: 2, stroke: none, inset: (x: 0mm, y: 1mm), column-gutter: 6mm,
  ..paper.rows.map(row => (text(fill: luma(90), row.at(0)), row.at(1))).flatten())
#line(length: 100%, stroke: 0.5pt + luma(160))
#v(2mm)
#for paragraph in paper.paragraphs [#par(paragraph)]
#v(1fr)
#text(size: 9pt, fill: luma(90), paper.foot)
"""


class Printer:
    """Sets papers with one compiler: the template is read once. Use as a context manager."""

    def __enter__(self) -> "Printer":
        self._folder = TemporaryDirectory(prefix="mdo-demo-")
        self._path = Path(self._folder.name) / "paper.typ"
        self._path.write_text(_TEMPLATE, encoding="utf-8")
        self._compiler = typst.Compiler(str(self._path), font_paths=[str(FONTS)], ignore_system_fonts=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def paper(self, title: str, rows: list[tuple[str, str]], paragraphs: list[str]) -> bytes:
        """One page of PDF: a title, labelled values, paragraphs. What is given is data, never markup."""
        content = {
            "title": title,
            "rows": rows,
            "paragraphs": paragraphs,
            "foot": "Fictief document van de demonstratie: persoon, nummers en bevindingen zijn verzonnen.",
        }
        made = self._compiler.compile(format="pdf", sys_inputs={"paper": json.dumps(content)})
        assert isinstance(made, bytes)
        return made


def mammogram(n: int, *, left: bool, kind: str = "PNG") -> bytes:
    """A drawn picture number ``n`` (PNG or JPEG, 560 × 720)."""
    width, height = 560, 720
    chance = random.Random(n)  # noqa: S311  (a picture, not a secret)
    image = Image.new("L", (width, height), 6)
    draw = ImageDraw.Draw(image)
    draw.ellipse((-330, 60, 400, 680), fill=62)
    for _ in range(70):
        x, y, reach = chance.randint(-20, 300), chance.randint(140, 600), chance.randint(12, 60)
        draw.ellipse((x - reach, y - reach // 3, x + reach, y + reach // 3), fill=chance.randint(70, 125))
    image = image.filter(ImageFilter.GaussianBlur(9))
    draw = ImageDraw.Draw(image)
    x, y = chance.randint(110, 250), chance.randint(220, 480)
    for _ in range(26):
        draw.line((x, y, x + chance.randint(-30, 30), y + chance.randint(-30, 30)), fill=205, width=2)
    draw.ellipse((x - 13, y - 13, x + 13, y + 13), fill=225)
    image = image.filter(ImageFilter.GaussianBlur(1.6))
    draw = ImageDraw.Draw(image)
    draw.text((width - 74, 22), "L MLO" if left else "R MLO", fill=230)
    if not left:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 10, 90, 40), fill=6)
        draw.text((22, 22), "R MLO", fill=230)
    stored = BytesIO()
    image.save(stored, kind, **({"quality": 82} if kind == "JPEG" else {"optimize": False}))
    return stored.getvalue()
