"""Every kind of document, in four languages, held against PDF/A-3a and PDF/UA-1 by a validator that is not written here: `make verify-pdf`.

veraPDF comes from Maven Central by its own client, and needs a JDK; where they are missing the run says what to install. The texts are the
tests' own, with every script that the fonts hold, a name of 300 letters, and what looks like markup. The control is the same report without
the standards, which the validator has to refuse. Writes `var/verify-pdf.json` and fails when a document is refused, or the control is not.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mdo.environment import BASE_DIR, placeholders

HERE = Path(__file__).parent
LANGUAGES = ("nl", "fr", "de", "en")
FLAVOURS = ("3a", "ua1")  # PDF/A-3a (ISO 19005-3), PDF/UA-1 (ISO 14289-1)
PACKAGES = "default-jdk-headless maven"
NASTY = '<script>alert(\'x\')</script> #eval("1") =HYPERLINK("x") D\'Hondt 王小明 Ελένη Анна محمد ‏עברית लक्ष्मी முருகன் สมชาย አበበ 🩺'


def documents() -> dict[str, Callable[[str], bytes]]:
    """By name, what sets each kind of document in a language."""
    from meetings.figures.tables import Column, Figures, Headline, Unit, table
    from meetings.reports import printing
    from meetings.reports.content import CaseSheet, FiguresSheet, Group, PlainStep, Row, Summary, Told
    from meetings.reports.registration import RegistrationSheet
    from tests.meetings.test_documents_docx import LETTER
    from tests.meetings.test_reports import MINUTES, REPORT, SHEET, SITTING, many_items, report_with

    long = dataclasses.replace(REPORT.patient, name="Vanden Bossche-D'Hondt " * 13)
    coded = dataclasses.replace(REPORT.imprint, code="ABCDEFGHJKMNPQRS")
    report = report_with(patient=long, question=NASTY, imprint=coded)
    letter = dataclasses.replace(
        LETTER, patient=long, question=NASTY, told=Told(said=True, by="dr. Maes", on=date(2026, 11, 26))
    )
    summary = Summary(
        SITTING, long, (PlainStep("Surgery", "The tumour is taken out."),), Told(said=True, by="dr. Maes", on=date(2026, 11, 26)),
        coded, aim="To cure.", tasks=(("dr. Maes", date(2026, 12, 1)),), words=NASTY, words_by="dr. Maes", requester="dr. Maes", gp="dr. Lemmens",
    )  # fmt: skip
    rows: list[tuple[str, list[Any]]] = [("AZ Elisabeth", [12, 62.5]), (NASTY, [3, None])]
    counted = table("hospitals", "Cases by hospital", "Hospital", [Column("Cases", Unit.COUNT), Column("Share", Unit.PER_CENT)], rows, note="As they were closed.")  # fmt: skip
    year = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    figures = FiguresSheet(
        "Breast board", "2026", ("AZ Elisabeth",), Figures(*year, 40, (Headline("cases", "Cases", 312, Unit.COUNT),), (counted,)), year[1],
    )  # fmt: skip
    registration = RegistrationSheet(
        "New diagnosis", SITTING, long, coded, (Row("Coordinator", "dr. Peeters"),), (Group("Tumour", (Row("Side", NASTY),)),),
        ("5 – diagnosis", "10 – surgery"), (), ("A new cancer.",), "mdo-be-1", complete=True,
    )  # fmt: skip
    sheet = CaseSheet(SITTING, long, NASTY, "dr. Maes", coded, groups=report.groups, tumours=report.tumours)
    attached = b'{"resourceType": "Bundle", "type": "document"}'
    return {
        "report": lambda language: printing.case_report_pdf(report, language, attached),
        "letter": lambda language: printing.letter_pdf(letter, language, attached),
        "summary": lambda language: printing.summary_pdf(summary, language),
        "minutes": lambda language: printing.minutes_pdf(dataclasses.replace(MINUTES, items=many_items(40)), language),
        "yearly report": lambda language: printing.figures_pdf(figures, language),
        "registration": lambda language: printing.registration_pdf(registration, language),
        "agenda": lambda language: printing.agenda_pdf(SHEET, language, True),
        "case sheet": lambda language: printing.case_sheet_pdf(sheet, language),
        "page with the address": lambda language: printing.cover_pdf(
            sender="AZ Elisabeth\nDorp 1", recipient="dr. An Lemmens\nBrug 1\n9999 Elders", text=NASTY, when=SITTING.starts_at, zone=SITTING.zone, language=language
        ),
    }  # fmt: skip


def main() -> int:
    """Set everything, ask the validator, and say what it came to."""
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if missing:
        print(f"Not here: {', '.join(missing)}. Install {PACKAGES}.")
        return 1
    for name, value in placeholders().items():
        os.environ.setdefault(name, value)
    os.environ["DJANGO_SETTINGS_MODULE"] = "mdo.settings"
    import django

    django.setup()
    from meetings.reports import printing
    from tests.bench.rig import origin, write

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run = _validator(place)
        files = {}
        for name, made in documents().items():
            for language in LANGUAGES:
                files[f"{name}, {language}"] = path = place / f"{name.replace(' ', '-')}-{language}.pdf"
                path.write_bytes(made(language))
        standards, printing.STANDARDS = printing.STANDARDS, ()
        control = place / "control.pdf"
        control.write_bytes(documents()["report"]("en"))
        printing.STANDARDS = standards
        told = run([*files.values(), control])
    refused = {
        f"{name}, {flavour}": told[path, flavour]
        for name, path in files.items()
        for flavour in FLAVOURS
        if told[path, flavour]
    }
    blind = [flavour for flavour in FLAVOURS if not told[control, flavour]]
    version = next(line.strip() for line in (HERE / "pom.xml").read_text().splitlines() if "<version>1." in line)
    result = {
        **origin(),
        "validator": f"veraPDF {version.removeprefix('<version>').removesuffix('</version>')}",
        "documents": len(files),
        "kinds": list(documents()),
        "refused": refused,
        "control_refused": not blind,
    }
    print(
        f"{write('verify-pdf', result)}: {len(files)} documents, {len(refused)} refused, control {'seen' if not blind else 'NOT seen'}"
    )
    for name, rules in refused.items():
        print(name, *rules, sep="\n    ")
    return 1 if refused or blind else 0


def _validator(place: Path) -> Callable[[list[Path]], dict[tuple[Path, str], list[str]]]:
    """Fetch and compile it; what it says of each file and flavour: the rules that failed."""
    jars, classes = place / "jars", place / "classes"
    _run("mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={jars}")
    _run("javac", "-cp", f"{jars}/*", "-d", str(classes), str(HERE / "Verify.java"))

    def run(paths: list[Path]) -> dict[tuple[Path, str], list[str]]:
        out = _run("java", "-cp", f"{classes}:{jars}/*", "Verify", *map(str, paths))
        told: dict[tuple[Path, str], list[str]] = {}
        key = None
        for line in out.splitlines():
            path, flavour, *rest = line.split("\t")
            if path:
                key = (Path(path), flavour)
                told[key] = [] if rest[0] == "ok" else ["refused"]
            elif key is not None:
                told[key].append(" ".join((flavour, *rest)))
        return told

    return run


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
        raise SystemExit(f"{command[0]} failed")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
