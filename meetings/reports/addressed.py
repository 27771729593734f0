"""What is written to one reader about one decision: the letter to the patient's GP, and the summary for the patient."""

from django.utils import translation

from cases.dossiers.board_kinds import board_kind
from cases.models import Case
from mdo.directory import disciplines
from meetings import agreed, informing
from meetings.models import AgendaItem, Decision, Meeting, Report
from meetings.reports import content, plain, writing


def letter(decision: Decision, meeting: Meeting, report: Report) -> content.Letter:
    """The letter to the GP, in the report's language."""
    item, case = _of(decision)
    referral = item.referral
    assert referral is not None
    kind, language = board_kind(meeting.board.kind), report.language
    with translation.override(language):
        common = writing.of_case(meeting, item, case, language)
        for unsaid in ("groups", "tumours"):
            del common[unsaid]
        return content.Letter(
            **common,
            to=report.recipient.display_name if report.recipient else case.patient.gp_name,
            told=_told(decision, case, report),
            recommendation=writing.recommendation(decision, kind, language),
            participants=tuple(_participant(row) for row in decision.attendance),
            signature=writing.signature(decision),
            imprint=writing.imprint(decision, report),
        )


def summary(decision: Decision, meeting: Meeting, report: Report) -> content.Summary:
    """The summary for the patient, in the report's language. No text that was written about the patient gets in: kinds of steps, the
    aim, names and days; and what somebody wrote for them."""
    item, case = _of(decision)
    kind, language = board_kind(meeting.board.kind), report.language
    statement = report.statement
    with translation.override(language):
        return content.Summary(
            sitting=writing.sitting(meeting, language),
            patient=writing.identity(case),
            steps=tuple(
                content.PlainStep(
                    kind.option_words("steps", code, language),
                    plain.step_sentence(code, language),
                )
                for code in dict.fromkeys(step["kind"] for step in decision.steps)
            ),
            aim=plain.intent_sentence(decision.intent, language),
            told=_told(decision, case, report),
            tasks=tuple((row.owner, row.due) for row in writing.recommendation(decision, kind, language).actions),
            words=statement.words if statement else "",
            words_by=statement.stated_by.display_name if statement and statement.words else "",
            requester=item.referral.requester.display_name if item.referral else "",
            gp=case.patient.gp.display_name if case.patient.gp else case.patient.gp_name,
            imprint=writing.imprint(decision, report),
        )


def _of(decision: Decision) -> tuple[AgendaItem, Case]:
    assert decision.case_id is not None  # a topic has no letter
    item = AgendaItem.objects.select_related("referral__requester", "referral__hospital").get(pk=decision.item_id)
    return item, Case.objects.select_related("patient__gp", "hospital").get(pk=decision.case_id)


def _told(decision: Decision, case: Case, report: Report) -> content.Told:
    known, statement = informing.informed(decision), report.statement
    if statement is not None and statement.informed:
        return content.Told(
            said=True,
            by=statement.informer,
            on=statement.informed_on,
            how=_lower(str(statement.get_how_display())) if statement.how else "",
        )
    if known.took_part:
        return content.Told(said=True, took_part=True)
    if case.patient.deceased_on is not None:
        return content.Told(mute=True)
    language = report.language
    said = agreed.filled(decision.agreed)
    words = writing.recommendation(decision, board_kind(decision.board.kind), language).informs
    return content.Told(
        earlier=known.earlier.informed_on if known.earlier else None,
        informs=words,
        by_reader=said["informs"] == "gp",
    )


def _participant(row: dict[str, str]) -> str:
    return ", ".join(part for part in (row["name"], str(disciplines.words(row["discipline"]))) if part)


def _lower(words: str) -> str:
    """As it stands within a sentence."""
    return words[:1].lower() + words[1:]
