"""Decide what a file is by its content, and whether it may be taken: PDF, PNG and JPEG only.

The name and the type that the sender says count for nothing. A file is taken when it starts as what it is, a real
parser reads it, and nothing else hides in it. Sources: ISO 32000-2 (PDF), the PNG specification (third edition), ITU
T.81 (JPEG). What is refused and why: executables and archives under another name, files that are two things at once
(a PDF that is also a ZIP), pictures whose pixels would not fit into memory, PDFs that need a password, run scripts,
start programs or carry other files, and files that are cut off.
"""

import io
import logging
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from typing import BinaryIO, Literal

import filetype
import pypdf
from django.utils.translation import gettext_lazy as _
from PIL import Image
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from cases.coding.errors import InvalidDocument

ContentType = Literal["application/pdf", "image/png", "image/jpeg"]

EXTENSIONS: dict[ContentType, str] = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}
MAX_BYTES = 25 * 1024 * 1024
# An A4 page scanned at 600 dpi has 35 million pixels, a phone's large photo 50 million.
MAX_PIXELS = 64_000_000
MAX_SIDE = 30_000
# A progressive JPEG is decoded once for every scan: ten scans of the largest picture, and no more work than that.
MAX_SCANNED_PIXELS = 700_000_000
MAX_PAGES = 2_000
MAX_PDF_OBJECTS = 30_000
LONGEST_NAME = 120

# pypdf quotes the file when it warns, and a quotation from a patient's document has no place in a log.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_PDF, _PNG, _JPEG = b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
# Keys of PDF dictionaries that run something or carry another file, with the kind of trouble.
_FORBIDDEN_KEYS = {"/JS": "script", "/JavaScript": "script", "/EmbeddedFiles": "attachment", "/EF": "attachment"}
_FORBIDDEN_ACTIONS = {"/JavaScript": "script", "/Launch": "launch", "/ImportData": "launch", "/Rendition": "script"}
_FORBIDDEN_SUBTYPES = {"/RichMedia": "attachment", "/3D": "attachment"}
_KINDS_OF_FILE = {
    "application/x-msdownload": _("a Windows program"),
    "application/x-executable": _("a program"),
    "application/zip": _("a ZIP archive"),
    "application/gzip": _("a compressed archive"),
    "application/x-7z-compressed": _("a 7-Zip archive"),
    "application/x-rar-compressed": _("a RAR archive"),
    "application/dicom": _("a DICOM image"),
}


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a file that was taken is. Pages for a PDF (1 for a picture); width and height in pixels for a picture."""

    content_type: ContentType
    size: int
    pages: int
    width: int | None = None
    height: int | None = None


def inspect(file: bytes | BinaryIO, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> DocumentFacts:
    """The facts of a file, given as bytes or as an open binary file (read from its start, left at its start).

    Raises `InvalidDocument` with a sentence for everything that is not taken, whatever the bytes are.
    """
    content = _read(file, max_bytes)
    if not content:
        raise InvalidDocument(_("The file is empty."), code="empty")
    if len(content) > max_bytes:
        raise InvalidDocument(
            _("The file is larger than %(size)d MB."), code="too_large", params={"size": max_bytes // (1024 * 1024)}
        )
    if content.startswith(_PDF):
        facts = _pdf(content)
    elif content.startswith(_PNG):
        facts = _picture(content, "image/png", max_pixels)
    elif content.startswith(_JPEG):
        facts = _picture(content, "image/jpeg", max_pixels)
    else:
        raise _not_accepted(content)
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise InvalidDocument(_("Another file hides in this one: print or export it anew."), code="polyglot")
    return facts


def clean_file_name(name: str, content_type: ContentType) -> str:
    """A name to show and to offer for download: one path part, no marks that hide or turn text, the right extension.

    It is never used as a path; files are stored under random names.
    """
    name = unicodedata.normalize("NFC", name[:4000])
    # Control and format characters (line breaks, right-to-left override, zero width), surrogates, private use.
    name = "".join(" " if c.isspace() else c for c in name if c.isspace() or unicodedata.category(c)[0] != "C")
    name = re.split(r"[/\\]", name)[-1]
    name = re.sub(r"[<>:\"|?*%;]", "_", name)
    name = re.sub(r"\s+", " ", name).strip().rstrip(" .")
    extension = EXTENSIONS[content_type]
    known = (".jpg", ".jpeg") if content_type == "image/jpeg" else (extension,)
    stem, given = name, ""
    if found := re.search(r"\.[A-Za-z0-9]{1,5}\Z", name):
        stem, given = name[: found.start()], found.group().lower()
    stem = stem.strip(" .") or "document"
    if re.match(r"(?i)\A(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", stem):
        stem = f"_{stem}"
    extension = given if given in known else extension
    stem = stem[: LONGEST_NAME - len(extension)]
    # File systems count bytes: 255 at most, with room for what a browser puts before the extension.
    while len(stem.encode()) > 200:
        stem = stem[:-1]
    return stem.rstrip(" .") + extension


def _read(file: bytes | BinaryIO, max_bytes: int) -> bytes:
    if isinstance(file, bytes):
        return file
    file.seek(0)
    content = file.read(max_bytes + 1)
    file.seek(0)
    return content


def _not_accepted(content: bytes) -> InvalidDocument:
    # A DICOM file may begin with a whole program; then it is one.
    mime = "application/x-msdownload" if content.startswith(b"MZ") else filetype.guess_mime(content)
    kind = _KINDS_OF_FILE.get(mime) if mime else None
    if kind is not None:
        return InvalidDocument(
            _("This is %(kind)s, whatever its name says. A document must be a PDF, PNG or JPEG."),
            code="type",
            params={"kind": kind},
        )
    return InvalidDocument(
        _("This is no PDF, PNG or JPEG, whatever its name says. Print or export it to PDF and try again."), code="type"
    )


def _damaged() -> InvalidDocument:
    return InvalidDocument(_("The file is damaged or incomplete: export it anew."), code="damaged")


# ---------------------------------------------------------------------------------------------------------------- PDF


def _pdf(content: bytes) -> DocumentFacts:
    end = content.rfind(b"%%EOF")
    if end == -1:
        raise _damaged()
    if content[end + 5 :].strip(b"\x00\t\n\x0c\r \x1a"):
        raise InvalidDocument(_("Another file hides in this one: print or export it anew."), code="polyglot")
    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        encrypted = reader.is_encrypted
        pages = 0 if encrypted else len(reader.pages)
        trouble = None if encrypted else _trouble(reader)
    # A parser fed with hostile bytes fails in every way that Python knows (RecursionError, MemoryError from a made-up
    # length, KeyError …); to the sender it is one thing: the file cannot be read.
    except Exception as error:
        raise _damaged() from error
    if encrypted:
        raise InvalidDocument(
            _("The PDF is protected: save a copy without password or restrictions."), code="encrypted"
        )
    if trouble is not None:
        raise _refused(trouble)
    if pages == 0:
        raise InvalidDocument(_("The PDF has no pages."), code="no_pages")
    if pages > MAX_PAGES:
        raise InvalidDocument(
            _("The PDF has more than %(count)d pages."), code="too_many_pages", params={"count": MAX_PAGES}
        )
    return DocumentFacts("application/pdf", len(content), pages)


def _refused(trouble: str) -> InvalidDocument:
    sentences = {
        "script": _("The PDF contains a script: print it to a new PDF."),
        "launch": _("The PDF starts another program: print it to a new PDF."),
        "attachment": _("The PDF carries other files: print it to a new PDF and send the others apart."),
        "too_complex": _("The PDF is too complex to be checked: print it to a new PDF."),
    }
    return InvalidDocument(sentences[trouble], code=trouble)


def _trouble(reader: pypdf.PdfReader) -> str | None:
    """The first forbidden thing among all objects of the file, also those that no page refers to."""
    numbers = {(number, generation) for generation, table in reader.xref.items() for number in table if number}
    numbers |= {(number, 0) for number in reader.xref_objStm}
    if len(numbers) > MAX_PDF_OBJECTS:
        return "too_complex"
    budget = 10 * MAX_PDF_OBJECTS
    waiting: list[object] = [reader.trailer]
    waiting += [IndirectObject(number, generation, reader) for number, generation in sorted(numbers)]
    for top in waiting:
        # Every indirect object is visited in its own right, so references inside are not followed.
        stack = [top.get_object() if isinstance(top, IndirectObject) else top]
        while stack:
            budget -= 1
            if budget < 0:
                return "too_complex"
            thing = stack.pop()
            if isinstance(thing, DictionaryObject):
                if found := _trouble_of(thing):
                    return found
                stack += [value for value in thing.values() if isinstance(value, DictionaryObject | ArrayObject)]
            elif isinstance(thing, ArrayObject):
                stack += [value for value in thing if isinstance(value, DictionaryObject | ArrayObject)]
    return None


def _trouble_of(dictionary: DictionaryObject) -> str | None:
    for key, trouble in _FORBIDDEN_KEYS.items():
        if key in dictionary:
            return trouble
    action, subtype = dictionary.raw_get("/S") if "/S" in dictionary else None, None
    if "/Subtype" in dictionary:
        subtype = dictionary.raw_get("/Subtype")
    return _FORBIDDEN_ACTIONS.get(str(action)) or _FORBIDDEN_SUBTYPES.get(str(subtype))


# ----------------------------------------------------------------------------------------------------------- pictures


def _picture(content: bytes, content_type: ContentType, max_pixels: int) -> DocumentFacts:
    if content_type == "image/png" and not content.endswith(_PNG_END):
        # Nothing may stand behind the end of a PNG; phones do write behind the end of a JPEG.
        after = content.rfind(_PNG_END)
        if after == -1:
            raise _damaged()
        raise InvalidDocument(_("Another file hides in this one: print or export it anew."), code="polyglot")
    if _PDF in content:
        raise InvalidDocument(_("Another file hides in this one: print or export it anew."), code="polyglot")
    try:
        # Opening reads the header only; the pixels are counted before anything is decoded.
        with Image.open(io.BytesIO(content), formats=["PNG" if content_type == "image/png" else "JPEG"]) as image:
            width, height = image.size
            if width * height > max_pixels or max(width, height) > MAX_SIDE:
                raise InvalidDocument(
                    _("The picture is too large: at most %(count)d million pixels."),
                    code="too_many_pixels",
                    params={"count": max_pixels // 1_000_000},
                )
            if content_type == "image/png":
                image.verify()
            else:
                if _scans(content) * width * height > MAX_SCANNED_PIXELS:
                    raise _too_complex_picture()
                # A JPEG has no checksums: decode it at an eighth of its size, which finds a file that is cut off.
                image.draft("L", (max(width // 8, 1), max(height // 8, 1)))
                image.load()
    except InvalidDocument:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidDocument(
            _("The picture is too large: at most %(count)d million pixels."),
            code="too_many_pixels",
            params={"count": max_pixels // 1_000_000},
        ) from error
    # As above: hostile bytes make a parser fail in every way (SyntaxError among them, in Pillow).
    except Exception as error:
        raise _damaged() from error
    return DocumentFacts(content_type, len(content), 1, width, height)


def _too_complex_picture() -> InvalidDocument:
    return InvalidDocument(_("The picture is too complex to be checked: export it anew."), code="too_complex")


def _scans(content: bytes) -> int:
    """How many scans a JPEG has up to its end marker; pictures inside its header segments do not count."""
    scans, position = 0, len(_JPEG) - 1
    while (marker := _JPEG_MARKER.search(content, position)) is not None:
        kind = marker[0][1]
        if kind == 0xD9:
            break
        scans += kind == 0xDA
        length = 0 if kind in (0x01, 0xD8) else int.from_bytes(content[marker.end() : marker.end() + 2])
        position = marker.end() + length
    return scans
