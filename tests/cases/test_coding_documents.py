"""Files: what they are is told by their content; what hides, floods or is cut off is refused with a sentence."""

import io
import random
import struct
import zipfile
import zlib
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from cases.coding import documents
from cases.coding.documents import DocumentFacts, clean_file_name, inspect
from cases.coding.errors import InvalidDocument

HIDDEN = "Another file hides in this one: print or export it anew."
DAMAGED = "The file is damaged or incomplete: export it anew."
UNKNOWN = "This is no PDF, PNG or JPEG, whatever its name says. Print or export it to PDF and try again."


def written(writer: pypdf.PdfWriter) -> bytes:
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def writer_of(pages: int = 1) -> pypdf.PdfWriter:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    return writer


def picture(kind: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    stream = io.BytesIO()
    noise = random.Random(1).randbytes(3 * size[0] * size[1])
    Image.frombytes("RGB", size, noise).save(stream, kind, **options)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr("run.js", "alert(1)")
    return stream.getvalue()


def refusal(content: bytes, **bounds: int) -> str:
    with pytest.raises(InvalidDocument) as caught:
        inspect(content, **bounds)
    return caught.value.sentence


PDF = written(writer_of(3))
PNG = picture("PNG")
JPEG = picture("JPEG")


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises any number of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return documents._PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_what_is_taken() -> None:
    assert inspect(PDF) == DocumentFacts("application/pdf", len(PDF), 3)
    assert inspect(PNG) == DocumentFacts("image/png", len(PNG), 1, 40, 30)
    assert inspect(JPEG) == DocumentFacts("image/jpeg", len(JPEG), 1, 40, 30)


def test_variants_that_scanners_and_phones_make() -> None:
    assert inspect(PDF + b"\r\n\x00\x00\n").pages == 3
    assert inspect(picture("JPEG", progressive=True)).width == 40
    # Samsung and others write their own block behind the end of the picture.
    assert inspect(JPEG + b"SEFH" + bytes(100)).height == 30
    grey = io.BytesIO()
    Image.new("1", (17, 9)).save(grey, "PNG")
    assert inspect(grey.getvalue()).width == 17
    compressed = writer_of(2)
    stream = io.BytesIO()
    compressed.compress_identical_objects()
    compressed.write(stream)
    assert inspect(stream.getvalue()).pages == 2


def test_an_open_file_is_read_from_its_start_and_left_there() -> None:
    stream = io.BytesIO(PDF)
    stream.read(10)
    assert inspect(stream).pages == 3
    assert stream.tell() == 0


def test_nothing_and_too_much() -> None:
    assert refusal(b"") == "The file is empty."
    assert refusal(b"", max_bytes=0) == "The file is empty."
    assert refusal(PDF + b" " * (1 << 20), max_bytes=1 << 20) == "The file is larger than 1 MB."
    assert inspect(PDF, max_bytes=len(PDF)).size == len(PDF)
    endless = io.BytesIO(b"%PDF-" + bytes(documents.MAX_BYTES))
    with pytest.raises(InvalidDocument) as caught:
        inspect(endless)
    assert caught.value.sentence == "The file is larger than 25 MB."


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"MZ" + bytes(200), "This is a Windows program, whatever its name says. A document must be a PDF, PNG or JPEG."),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "This is a program, whatever its name says. A document must be a PDF, PNG or JPEG."),
        (archive(), "This is a ZIP archive, whatever its name says. A document must be a PDF, PNG or JPEG."),
        (bytes(128) + b"DICM" + bytes(64), "This is a DICOM image, whatever its name says. A document must be a PDF, PNG or JPEG."),
        (b"MZ" + bytes(126) + b"DICM" + bytes(64), "This is a Windows program, whatever its name says. A document must be a PDF, PNG or JPEG."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", UNKNOWN),
        (b"<html><script>alert(1)</script></html>", UNKNOWN),
        (b"GIF89a" + bytes(40), UNKNOWN),
        (b"II*\x00" + bytes(40), UNKNOWN),
        (b"BM" + bytes(60), UNKNOWN),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", UNKNOWN),
        (b"plain text", UNKNOWN),
        (b"\x00", UNKNOWN),
        # Readers look for the header in the first kilobyte; what stands before it is another file.
        (b"GIF89a" + PDF, UNKNOWN),
        (b"\n" + PDF, UNKNOWN),
        (b"\xef\xbb\xbf" + PDF, UNKNOWN),
    ],
)  # fmt: skip
def test_what_is_something_else(content: bytes, sentence: str) -> None:
    assert refusal(content) == sentence


@pytest.mark.parametrize("host", [PDF, PNG, JPEG])
def test_a_file_that_is_also_an_archive(host: bytes) -> None:
    assert refusal(host + archive()) == HIDDEN


def test_a_pdf_that_hides_an_archive_before_its_end() -> None:
    # The archive's comment swallows a second end mark, so that both readers find their end.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr("run.js", "alert(1)")
        zipped.comment = b"\nstartxref\n0\n%%EOF\n"
    assert refusal(PDF + stream.getvalue()) == HIDDEN


def test_a_picture_that_is_also_a_pdf_or_goes_on_behind_its_end() -> None:
    assert refusal(JPEG + PDF) == HIDDEN
    assert refusal(PNG + b"<script>") == HIDDEN
    with_text = PNG[:33] + chunk(b"tEXt", b"Comment\0" + PDF) + PNG[33:]
    assert refusal(with_text) == HIDDEN


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7",
        b"%PDF-1.7\n%%EOF",
        PDF[: len(PDF) // 2],
        PDF[:-8],
        b"%PDF-1.7\n" + b"[" * 20_000 + b"\n%%EOF",
        documents._PNG,
        PNG[:-12],
        PNG[: len(PNG) // 2],
        PNG[:40] + b"\xff" + PNG[41:],
        b"\xff\xd8\xff",
        JPEG[: len(JPEG) // 2],
        b"\xff\xd8\xff\xe0" + bytes(200),
    ],
)
def test_what_is_cut_off_or_damaged(content: bytes) -> None:
    assert refusal(content) == DAMAGED


def test_every_cut_is_refused_and_nothing_else_happens() -> None:
    for whole in (PNG, JPEG):
        for end in range(0, len(whole) - 2, 7):
            with pytest.raises(InvalidDocument):
                inspect(whole[:end])


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_000, 10_000), (1, 30_001), (2**31 - 1, 1)])
def test_a_flood_of_pixels(width: int, height: int) -> None:
    content = png_of_size(width, height)
    assert len(content) < 300
    assert refusal(content) == "The picture is too large: at most 64 million pixels."


def test_the_pixel_bound_is_exact() -> None:
    assert inspect(PNG, max_pixels=1200).width == 40
    assert refusal(PNG, max_pixels=1199) == "The picture is too large: at most 0 million pixels."


def test_a_jpeg_that_promises_too_many_pixels() -> None:
    at = JPEG.index(b"\xff\xc0") + 5
    flood = JPEG[:at] + struct.pack(">HH", 65_000, 65_000) + JPEG[at + 4 :]
    assert refusal(flood) == "The picture is too large: at most 64 million pixels."


def test_a_jpeg_with_thousands_of_scans() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (2000, 2000)).save(stream, "JPEG", progressive=True)
    progressive = stream.getvalue()
    assert documents._scans(progressive) == 10
    assert documents._scans(picture("JPEG")) == 1
    assert inspect(progressive).width == 2000
    last = progressive.rindex(b"\xff\xda")
    flood = progressive[:last] + progressive[last:-2] * 200 + b"\xff\xd9"
    assert refusal(flood) == "The picture is too complex to be checked: export it anew."


@pytest.mark.parametrize("password", ["secret", ""])
def test_an_encrypted_pdf(password: str) -> None:
    writer = writer_of()
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    assert refusal(written(writer)) == "The PDF is protected: save a copy without password or restrictions."


def packed_pdf(hidden: bytes) -> bytes:
    """A PDF 1.5 whose objects all lie in a compressed object stream, `hidden` as object 4 to which nothing refers."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        4: hidden,
    }
    offsets, body = [], b""
    for number, content in objects.items():
        offsets.append(f"{number} {len(body)}")
        body += content + b" "
    first = (" ".join(offsets) + " ").encode()
    packed = zlib.compress(first + body)
    head = b"%PDF-1.5\n"
    stream = b"5 0 obj<</Type/ObjStm/N 4/First %d/Filter/FlateDecode/Length %d>>stream\n" % (len(first), len(packed))
    stream += packed + b"\nendstream endobj\n"
    at = len(head) + len(stream)
    rows = [(0, 0, 255), *((2, 5, index) for index in range(4)), (1, len(head), 0), (1, at, 0)]
    table = b"".join(struct.pack(">BHB", *row) for row in rows)
    end = b"6 0 obj<</Type/XRef/Size 7/W[1 2 1]/Root 1 0 R/Length %d>>stream\n" % len(table)
    return head + stream + end + table + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % at


@pytest.mark.parametrize(
    "hidden", [b"<</S/JavaScript/JS(app.alert\\(1\\))>>", b"<</S/J#61vaScript>>", b"[[<</J#53 (x)>>]]", b"<</JavaScript 3 0 R>>"]
)  # fmt: skip
def test_a_pdf_with_a_script(hidden: bytes) -> None:
    assert inspect(packed_pdf(b"<</S/URI>>")).pages == 1
    assert refusal(packed_pdf(hidden)) == "The PDF contains a script: print it to a new PDF."


def action(**entries: str) -> DictionaryObject:
    return DictionaryObject({NameObject(f"/{key}"): NameObject(value) for key, value in entries.items()})


@pytest.mark.parametrize(
    "entry, value, sentence",
    [
        ("/OpenAction", action(S="/Launch"), "The PDF starts another program: print it to a new PDF."),
        ("/OpenAction", action(S="/JavaScript"), "The PDF contains a script: print it to a new PDF."),
        (
            "/AA",
            DictionaryObject({NameObject("/WC"): ArrayObject([DictionaryObject({NameObject("/A"): action(S="/Launch")})])}),
            "The PDF starts another program: print it to a new PDF.",
        ),
        (
            "/Annot",
            action(Subtype="/RichMedia"),
            "The PDF carries other files: print it to a new PDF and send the others apart.",
        ),
    ],
)  # fmt: skip
def test_a_pdf_that_does_something(entry: str, value: DictionaryObject, sentence: str) -> None:
    writer = writer_of()
    writer.root_object[NameObject(entry)] = value
    assert refusal(written(writer)) == sentence
    # Also when nothing but the object table leads there, as a key of an object of its own.
    writer = writer_of()
    writer._add_object(value)
    assert refusal(written(writer)) == sentence


def test_a_pdf_that_carries_a_file() -> None:
    writer = writer_of()
    writer.add_attachment("setup.exe", b"MZ")
    assert refusal(written(writer)) == "The PDF carries other files: print it to a new PDF and send the others apart."


def test_ordinary_links_and_open_actions_are_taken() -> None:
    writer = writer_of()
    writer.root_object[NameObject("/OpenAction")] = action(S="/GoTo")
    writer._add_object(
        DictionaryObject({NameObject("/S"): NameObject("/URI"), NameObject("/URI"): TextStringObject("x")})
    )
    writer._add_object(DictionaryObject({NameObject("/S"): NumberObject(1)}))
    assert inspect(written(writer)).pages == 1


def test_a_pdf_without_pages_or_with_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(written(pypdf.PdfWriter())) == "The PDF has no pages."
    monkeypatch.setattr(documents, "MAX_PAGES", 2)
    assert refusal(PDF) == "The PDF has more than 2 pages."
    monkeypatch.setattr(documents, "MAX_PAGES", 3)
    assert inspect(PDF).pages == 3


def test_a_pdf_with_too_many_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_PDF_OBJECTS", 4)
    assert refusal(PDF) == "The PDF is too complex to be checked: print it to a new PDF."


def test_a_pdf_object_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = writer_of()
    writer._add_object(ArrayObject(DictionaryObject() for _ in range(500)))
    content = written(writer)
    assert inspect(content).pages == 1
    monkeypatch.setattr(documents, "MAX_PDF_OBJECTS", 20)
    assert refusal(content) == "The PDF is too complex to be checked: print it to a new PDF."


@settings(max_examples=150, deadline=None)
@given(
    base=st.sampled_from([PDF, PNG, JPEG]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.floats(0, 1),
)
def test_any_bytes_are_a_document_or_a_sentence(base: bytes, changes: list[tuple[float, int]], cut: float) -> None:
    content = bytearray(base[: max(12, int(len(base) * (cut + 0.5)))])
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    try:
        facts = inspect(bytes(content))
    except InvalidDocument as refused:
        assert refused.sentence.endswith(".")  # noqa: PT017 - taking it is right too
    else:
        assert facts.size == len(content)


# ------------------------------------------------------------------------------------------------------- file names


@pytest.mark.parametrize(
    "name, expected",
    [
        ("report.pdf", "report.pdf"),
        ("Verslag O'Brien é.PDF", "Verslag O'Brien é.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\jan\\scan.pdf", "scan.pdf"),
        ("setup.exe", "setup.pdf"),
        ("report.pdf.exe", "report.pdf.pdf"),
        ("scan.png", "scan.pdf"),
        ("gpj.\u202efdp.exe", "gpj.fdp.pdf"),
        ("a\r\nSubject: x\r\n.pdf", "a Subject_ x.pdf"),
        ("a\x00b.pdf", "ab.pdf"),
        ("", "document.pdf"),
        (".pdf", "document.pdf"),
        ("...", "document.pdf"),
        ("/", "document.pdf"),
        ("CON.pdf", "_CON.pdf"),
        ("nul", "_nul.pdf"),
        ("Dr. Peeters", "Dr. Peeters.pdf"),
        ("  lots   of\tspace .pdf ", "lots of space.pdf"),
        ('a<b>c"d|e?f*g:h.pdf', "a_b_c_d_e_f_g_h.pdf"),
        ("e\u0301.pdf", "é.pdf"),
        ("מסמך.pdf", "מסמך.pdf"),
        ("\ud800x.pdf", "x.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("😀" * 300, "😀" * 50 + ".pdf"),
    ],
)
def test_file_names(name: str, expected: str) -> None:
    assert clean_file_name(name, "application/pdf") == expected


def test_the_extension_follows_the_content() -> None:
    assert clean_file_name("photo.JPEG", "image/jpeg") == "photo.jpeg"
    assert clean_file_name("photo.jpg", "image/jpeg") == "photo.jpg"
    assert clean_file_name("photo.png", "image/jpeg") == "photo.jpg"
    assert clean_file_name("photo.jpg", "image/png") == "photo.png"


@given(st.text(max_size=400))
def test_any_name_becomes_a_plain_one(name: str) -> None:
    cleaned = clean_file_name(name, "application/pdf")
    assert cleaned.endswith(".pdf")
    assert len(cleaned) <= documents.LONGEST_NAME
    assert len(cleaned.encode()) <= 255
    assert not set(cleaned) & set('/\\<>:"|?*%;\0\r\n\u202e')
    assert not cleaned.startswith((".", " "))
    assert clean_file_name(cleaned, "application/pdf") == cleaned
