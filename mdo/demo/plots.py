"""The plots of the fictional cases: thirteen, each of which is told several times with another side, place and size.

The texts are Dutch, since they are data and not the program's words; they read like a dossier and advise nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What the board decided: kind of step and text, in order; the wording; why a guideline was not followed."""

    intent: str
    steps: tuple[tuple[str, str], ...]
    text: str
    deviation: str = ""


@dataclass(frozen=True)
class Plot:
    """A story before its details are filled in: ``{side}``, ``{place}``, ``{size}``, ``{age}``, ``{report}``, ``{ki67}``."""

    title: str
    ages: tuple[int, int]
    size: int
    ki67: int
    summary: str
    imaging: str
    pathology: str
    wishes: str
    question: str
    tumour: Mapping[str, Any]
    outcome: Outcome
    reason: str = "new_diagnosis"
    comorbidity: str = ""
    family: str = ""
    psychosocial: str = ""
    performance: str = "0"
    sex: str = "female"
    other_side: Mapping[str, Any] | None = None
    trial: str = ""


def _receptors(er: int, pr: int, her2: str, **more: Any) -> dict[str, Any]:
    def status(percent: int) -> str:
        return "positive" if percent > 10 else "low_positive" if percent > 0 else "negative"

    return {
        "er_status": status(er),
        "er_percent": er,
        "pr_status": status(pr),
        "pr_percent": pr,
        "her2_ihc": her2,
        **({"her2_low": "yes"} if her2 == "1+" else {}),
        **more,
    }


def _tnm(t: str, n: str = "0", m: str = "0") -> dict[str, str]:
    return {"edition": "8", "t": f"cT{t}", "n": f"cN{n}", "m": f"cM{m}"}


PLOTS: tuple[Plot, ...] = (
    Plot(
        title="Luminaal A, screening",
        ages=(58, 68),
        size=14,
        ki67=9,
        summary="{age}-jarige vrouw, letsel {side} {place} ontdekt bij het bevolkingsonderzoek. Klinisch niet palpabel, huid en"
        " tepel normaal, oksel klinisch vrij. Geen eerdere borstproblemen.",
        comorbidity="Arteriële hypertensie (perindopril 5 mg), hypothyreoïdie onder substitutie.",
        imaging="Mammografie: spiculair letsel van {size} mm {side} {place}, BI-RADS 5. Echografie: hypo-echogene massa van"
        " {size} mm, oksel zonder verdachte klieren. MRI niet verricht.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 1, ER en PR sterk positief, HER2 score 0, Ki-67 {ki67} %."
        " Geen lymfovasculaire invasie.",
        wishes="Wenst een borstsparende ingreep en wil zo snel mogelijk weer aan het werk.",
        question="Borstsparende heelkunde met sentinelprocedure? Volstaat endocriene therapie, en is een genexpressietest nodig?",
        tumour={"grade": "1", "clinical_tnm": _tnm("1c"), **_receptors(95, 80, "0")},
        outcome=Outcome(
            "curative",
            (
                ("surgery", "Brede excisie met sentinelprocedure"),
                ("radiotherapy", "Bestraling van de borst in vijf fracties na de operatie"),
                ("endocrine", "Aromataseremmer, vijf jaar; vooraf botdensitometrie"),
            ),
            "Borstsparende heelkunde met sentinelprocedure, gevolgd door radiotherapie van de borst en endocriene therapie."
            " Geen genexpressietest bij dit laag risico. Resectiestuk opnieuw bespreken.",
        ),
    ),
    Plot(
        title="Triple negatief, neoadjuvant",
        ages=(41, 52),
        size=31,
        ki67=78,
        summary="{age}-jarige vrouw met een snel groeiende massa {side} {place} sinds zes weken, beweeglijk ten opzichte van de"
        " diepte. Palpabele klier in de oksel aan dezelfde kant.",
        family="Moeder borstkanker op 44 jaar, tante langs moederszijde ovariumcarcinoom.",
        imaging="Echografie: {size} mm hypo-echogene massa en twee verdikte okselklieren. MRI: unifocaal letsel van {size} mm."
        " PET-CT: geen metastasen op afstand.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 3, ER 0 %, PR 0 %, HER2 score 0, Ki-67 {ki67} %, TILs"
        " 40 %. FNA oksel: carcinoomcellen.",
        wishes="Wil alles doen wat de kans op genezing vergroot; bezorgd over haar twee dochters.",
        psychosocial="Alleenstaand met dochters van 9 en 12 jaar. Gesprek met de onco-psycholoog gepland.",
        question="Neoadjuvante chemo-immunotherapie? Clip in borst en oksel? Genetisch onderzoek met voorrang?",
        tumour={"grade": "3", "clinical_tnm": _tnm("2", "1"), **_receptors(0, 0, "0"), "brca1": "untested"},
        outcome=Outcome(
            "curative",
            (
                ("chemotherapy", "Neoadjuvant schema met carboplatine, paclitaxel en anthracycline"),
                ("immunotherapy", "Pembrolizumab samen met de chemotherapie"),
                ("examination", "BRCA-onderzoek met voorrang; clip in tumor en aangetaste klier"),
            ),
            "Neoadjuvante chemo-immunotherapie. Clip plaatsen in tumor en klier vóór de start. Genetisch onderzoek met voorrang,"
            " het resultaat bepaalt mee de heelkunde. Echografische evaluatie halverwege.",
        ),
    ),
    Plot(
        title="HER2-positief, neoadjuvant",
        ages=(44, 59),
        size=27,
        ki67=45,
        summary="{age}-jarige vrouw, zelf een knobbel gevoeld {side} {place}. Klinisch {size} mm, huid vrij, oksel twijfelachtig.",
        comorbidity="LVEF 62 % op echocardiografie. Geen medicatie.",
        imaging="Mammografie en echografie: massa van {size} mm met microcalcificaties, één klier met verdikte cortex (4 mm). MRI:"
        " unifocaal.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 3, ER 60 %, PR 20 %, HER2 score 3+, Ki-67 {ki67} %. FNA"
        " klier: reactief.",
        wishes="Bij voorkeur borstsparend; heeft gelezen over behandeling vóór de operatie en staat daarvoor open.",
        question="Neoadjuvante behandeling met dubbele HER2-blokkade? Aanpak van de oksel?",
        tumour={"grade": "3", "clinical_tnm": _tnm("2"), **_receptors(60, 20, "3+")},
        outcome=Outcome(
            "curative",
            (
                ("chemotherapy", "Neoadjuvant schema zonder anthracycline"),
                ("targeted", "Trastuzumab en pertuzumab"),
                ("surgery", "Na zes cycli: heelkunde volgens respons, sentinelprocedure"),
            ),
            "Neoadjuvante chemotherapie met dubbele HER2-blokkade. Clip in de tumor, MRI na drie cycli. Cardiale opvolging om de"
            " drie maanden. Na de heelkunde opnieuw bespreken.",
        ),
        trial="De-escalatie na volledige respons",
    ),
    Plot(
        title="Lobulair, postoperatief",
        ages=(55, 66),
        size=36,
        ki67=15,
        summary="{age}-jarige vrouw, status na mastectomie {side} met sentinelprocedure drie weken geleden wegens lobulair"
        " carcinoom. Vlotte wondheling, seroom eenmaal gepuncteerd.",
        comorbidity="Osteopenie. Milde depressie, behandeld met sertraline.",
        imaging="Preoperatieve MRI: multifocaal letsel, in totaal {size} mm. CT en botscan zonder metastasen.",
        pathology="Resectiestuk {report}: invasief lobulair carcinoom, {size} mm, graad 2, snijranden vrij (4 mm), sentinel 1/2"
        " positief (macrometastase 3 mm), ER 100 %, PR 60 %, HER2 score 1+, Ki-67 {ki67} %.",
        wishes="Liever geen chemotherapie als de winst klein is.",
        question="Adjuvante therapie? Genexpressietest? Radiotherapie van thoraxwand en klieren?",
        tumour={
            "grade": "2",
            "morphology": "8520/3",
            "clinical_tnm": _tnm("2"),
            "pathological_tnm": {"edition": "8", "t": "pT2", "n": "pN1a(sn)"},
            "margins": "free",
            "closest_margin": "4",
            "sentinel_examined": 2,
            "sentinel_positive": 1,
            **_receptors(100, 60, "1+"),
        },
        outcome=Outcome(
            "curative",
            (
                ("examination", "Genexpressietest op het resectiestuk"),
                ("radiotherapy", "Thoraxwand en regionale klieren"),
                ("endocrine", "Aromataseremmer, vijf tot zeven jaar; bisfosfonaat"),
            ),
            "Genexpressietest aanvragen; bij laag risico geen chemotherapie. Radiotherapie van thoraxwand en regionale klieren,"
            " daarna endocriene therapie met bisfosfonaat. Geen okselklieruitruiming.",
        ),
    ),
    Plot(
        title="DCIS",
        ages=(50, 60),
        size=22,
        ki67=12,
        summary="{age}-jarige vrouw, asymptomatisch, microcalcificaties {side} {place} bij screening.",
        imaging="Mammografie: fijne pleomorfe microcalcificaties over {size} mm, BI-RADS 4c. Echografie zonder massa. MRI:"
        " aankleuring van {size} mm.",
        pathology="Vacuümbiopsie {report}: ductaal carcinoom in situ, hooggradig met comedonecrose, geen invasie. ER 90 %.",
        wishes="Wil weten of bestraling echt nodig is.",
        question="Brede excisie of mastectomie? Sentinelprocedure? Radiotherapie?",
        tumour={
            "grade": "3",
            "morphology": "8500/2",
            "clinical_tnm": _tnm("is(DCIS)"),
            **_receptors(90, 50, "not_done"),
        },
        outcome=Outcome(
            "curative",
            (
                ("surgery", "Brede excisie na lokalisatie, zonder sentinelprocedure"),
                ("radiotherapy", "Bestraling van de borst met boost volgens de snijranden"),
            ),
            "Brede excisie met markering van beide uiteinden van de microcalcificaties. Radiotherapie van de borst. Geen"
            " sentinelprocedure bij borstsparende heelkunde.",
        ),
    ),
    Plot(
        title="Luminaal B met klieren",
        ages=(47, 57),
        size=24,
        ki67=32,
        summary="{age}-jarige vrouw, palpabele massa {side} {place} van {size} mm en palpabele okselklier. Geen huid- of"
        " tepelveranderingen.",
        comorbidity="Migraine. Spiraal met koper.",
        imaging="Mammografie, echografie en MRI: unifocaal letsel van {size} mm, drie verdachte klieren in niveau I. CT thorax en"
        " abdomen en botscan negatief.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 2, ER 90 %, PR 40 %, HER2 score 2+, ISH niet geamplificeerd,"
        " Ki-67 {ki67} %. FNA oksel positief.",
        wishes="Wil haar werk als leerkracht dit schooljaar afronden als dat veilig kan.",
        question="Eerst heelkunde of neoadjuvante chemotherapie? Plaats van een CDK4/6-remmer?",
        tumour={
            "grade": "2",
            "clinical_tnm": _tnm("2", "1"),
            **_receptors(90, 40, "2+", her2_ish="not_amplified", her2_low="yes"),
        },
        outcome=Outcome(
            "curative",
            (
                ("chemotherapy", "Neoadjuvant, anthracycline en taxaan"),
                ("surgery", "Borstsparend indien mogelijk, gerichte okseldissectie"),
                ("radiotherapy", "Borst en regionale klieren"),
                ("endocrine", "Met CDK4/6-remmer indien de criteria vervuld zijn"),
            ),
            "Neoadjuvante chemotherapie gezien jonge leeftijd, klieraantasting en hoge proliferatie. Clip in klier en tumor. Na de"
            " heelkunde radiotherapie en endocriene therapie; criteria voor een CDK4/6-remmer dan toetsen.",
        ),
    ),
    Plot(
        title="Oudere patiënt, endocrien",
        ages=(83, 89),
        size=29,
        ki67=11,
        summary="{age}-jarige vrouw, woont in een woonzorgcentrum. Massa {side} {place} opgemerkt bij de verzorging, niet"
        " pijnlijk, huid niet ingetrokken.",
        comorbidity="Hartfalen NYHA III, voorkamerfibrillatie (apixaban), matige dementie. G8-score 9/17.",
        imaging="Echografie: massa van {size} mm, oksel zonder verdachte klieren. Verdere stadiëring niet verricht in overleg met"
        " de familie.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 2, ER 100 %, PR 90 %, HER2 score 0, Ki-67 {ki67} %.",
        wishes="Wil niet geopereerd worden en zo weinig mogelijk naar het ziekenhuis. De zoon (vertrouwenspersoon) steunt dit.",
        psychosocial="Weduwe, drie kinderen. DNR-code 2 besproken door de huisarts.",
        question="Volstaat primaire endocriene therapie? Hoe vaak opvolgen?",
        tumour={"grade": "2", "clinical_tnm": _tnm("2"), **_receptors(100, 90, "0")},
        performance="3",
        outcome=Outcome(
            "palliative",
            (
                ("endocrine", "Letrozol 2,5 mg per dag"),
                ("surveillance", "Klinische controle door de huisarts om de drie maanden"),
            ),
            "Primaire endocriene therapie, gezien de comorbiditeit en de uitdrukkelijke wens. Controle door de huisarts; bij groei"
            " opnieuw bespreken.",
            "Geen heelkunde: hoog operatief risico en wens van de patiënt.",
        ),
    ),
    Plot(
        title="Lokaal recidief",
        ages=(61, 72),
        size=12,
        ki67=24,
        summary="{age}-jarige vrouw, acht jaar geleden borstsparend behandeld {side} (pT1c pN0, radiotherapie 50 Gy, vijf jaar"
        " tamoxifen). Nu nieuw letsel {place} in het litteken.",
        comorbidity="Diabetes type 2 (metformine), BMI 31.",
        imaging="Mammografie: nieuwe verdichting van {size} mm bij het litteken. MRI bevestigt, contralateraal normaal. PET-CT"
        " zonder andere haarden.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 2, ER 80 %, PR 5 %, HER2 score 1+, Ki-67 {ki67} %.",
        wishes="Vraagt of een tweede borstsparende ingreep mogelijk is.",
        question="Mastectomie of tweede borstsparende ingreep met herbestraling? Systemische therapie?",
        tumour={
            "grade": "2",
            "clinical_tnm": {"edition": "8", "t": "rcT1c", "n": "rcN0", "m": "cM0"},
            **_receptors(80, 5, "1+"),
        },
        reason="recurrence",
        outcome=Outcome(
            "curative",
            (
                ("surgery", "Mastectomie met directe reconstructie, nieuwe sentinelprocedure"),
                ("endocrine", "Aromataseremmer"),
            ),
            "Mastectomie, met directe reconstructie als zij dat wenst. Nieuwe sentinelprocedure proberen. Daarna aromataseremmer;"
            " chemotherapie bespreken met het resectiestuk.",
        ),
    ),
    Plot(
        title="Gemetastaseerd, progressie",
        ages=(52, 64),
        size=18,
        ki67=35,
        summary="{age}-jarige vrouw met botmetastasen van een luminaal carcinoom {side}, eerste lijn letrozol en CDK4/6-remmer"
        " gedurende 22 maanden. Nu pijn lumbaal.",
        comorbidity="Geen. Denosumab om de zes weken.",
        imaging="CT en PET-CT: progressie in L2 en L4 zonder wervelinzakking, twee nieuwe levermetastasen tot {size} mm. MRI wervelkolom:"
        " geen compressie.",
        pathology="Leverbiopt {report}: metastase van mammacarcinoom, ER 70 %, PR 0 %, HER2 score 1+, Ki-67 {ki67} %. PIK3CA-mutatie"
        " aangetoond.",
        wishes="Wil zo lang mogelijk thuis wonen en haar kleinkinderen zien opgroeien; geen haarverlies als het anders kan.",
        question="Tweede lijn? Pijnlijke bothaarden bestralen? Ondersteuning?",
        tumour={
            "grade": "2",
            "basis_of_diagnosis": "3",
            "clinical_tnm": _tnm("2", "1", "1"),
            "pik3ca": "somatic",
            **_receptors(70, 0, "1+"),
        },
        reason="progression",
        performance="1",
        outcome=Outcome(
            "palliative",
            (
                ("radiotherapy", "Eén fractie van 8 Gy op L2 tot L4"),
                ("targeted", "PI3K-remmer met fulvestrant; glykemie opvolgen"),
                ("palliative", "Pijnteam en palliatief supportteam inschakelen"),
            ),
            "Pijnstillende radiotherapie op L2–L4. Tweede lijn gericht op de PIK3CA-mutatie met fulvestrant. Pijnteam betrekken."
            " Evaluatie na drie maanden.",
        ),
    ),
    Plot(
        title="Jonge BRCA-draagster",
        ages=(33, 39),
        size=19,
        ki67=66,
        summary="{age}-jarige vrouw, gekende kiembaanmutatie in BRCA1, letsel {side} {place} bij halfjaarlijkse controle.",
        family="Moeder en grootmoeder borstkanker, zus draagster.",
        imaging="MRI: nieuwe ronde massa van {size} mm {side} {place}, BI-RADS 5. Contralateraal normaal. Oksel normaal.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 3, ER 2 %, PR 0 %, HER2 score 0, Ki-67 {ki67} %.",
        wishes="Overweegt bilaterale mastectomie. Kinderwens: wil eerst eicellen laten invriezen.",
        question="Volgorde van behandeling, fertiliteitsbewaring, bilaterale mastectomie?",
        tumour={"grade": "3", "clinical_tnm": _tnm("1c"), "brca1": "germline", **_receptors(2, 0, "0")},
        outcome=Outcome(
            "curative",
            (
                ("refer", "Met spoed naar de fertiliteitskliniek"),
                ("chemotherapy", "Neoadjuvant schema met platinum"),
                ("surgery", "Bilaterale huidsparende mastectomie met reconstructie te bespreken"),
            ),
            "Eerst fertiliteitsbewaring (binnen twee weken), dan neoadjuvante chemotherapie. Bilaterale mastectomie met de patiënt"
            " bespreken in aanwezigheid van de plastisch chirurg. Olaparib adjuvant bij restziekte.",
        ),
    ),
    Plot(
        title="Bilateraal",
        ages=(59, 69),
        size=16,
        ki67=14,
        summary="{age}-jarige vrouw, letsels in beide borsten bij diagnostische mammografie wegens een palpabele knobbel {side}.",
        comorbidity="Astma.",
        imaging="Mammografie en MRI: {side} {place} {size} mm; contralateraal superolateraal 9 mm. Beide oksels normaal.",
        pathology="Biopten {report} A en B: {side} invasief carcinoom NST graad 2; contralateraal tubulair carcinoom graad 1. Beide"
        " ER en PR positief, HER2 negatief.",
        wishes="Bij voorkeur één operatie voor beide kanten.",
        question="Bilaterale borstsparende heelkunde in één tijd? Planning van de radiotherapie voor beide kanten?",
        tumour={"grade": "2", "clinical_tnm": _tnm("1c"), **_receptors(95, 60, "1+")},
        other_side={
            "grade": "1",
            "morphology": "8211/3",
            "clinical_tnm": _tnm("1b"),
            "size_imaging": "9",
            "ki67": 6,
            **_receptors(100, 90, "0"),
        },
        outcome=Outcome(
            "curative",
            (
                ("surgery", "Bilaterale brede excisie met sentinelprocedure aan beide kanten"),
                ("radiotherapy", "Beide borsten, dosimetrie vooraf bespreken"),
                ("endocrine", "Aromataseremmer, vijf jaar"),
            ),
            "Bilaterale borstsparende heelkunde met sentinelprocedures in één tijd. Radiotherapie van beide borsten. Twee tumoren,"
            " twee registraties.",
        ),
    ),
    Plot(
        title="Man",
        ages=(66, 74),
        size=21,
        ki67=20,
        summary="{age}-jarige man, harde massa achter de tepel {side}, tepelretractie sinds twee maanden.",
        comorbidity="COPD GOLD 2, gestopte roker. TURP in de voorgeschiedenis.",
        family="Nicht borstkanker op 50 jaar.",
        imaging="Mammografie en echografie: spiculaire massa van {size} mm retroareolair {side}. Oksel: één klier met verdikte"
        " cortex.",
        pathology="Naaldbiopt {report}: invasief carcinoom NST, graad 2, ER 100 %, PR 80 %, HER2 score 0, Ki-67 {ki67} %. FNA klier"
        " negatief.",
        wishes="Wil snel geopereerd worden; liefst met een mannelijke lotgenoot spreken.",
        question="Mastectomie met sentinelprocedure? Endocriene therapie en genetisch onderzoek?",
        tumour={"grade": "2", "clinical_tnm": _tnm("2"), "brca2": "untested", **_receptors(100, 80, "0")},
        sex="male",
        outcome=Outcome(
            "curative",
            (
                ("surgery", "Mastectomie met sentinelprocedure"),
                ("examination", "Genetisch onderzoek (BRCA2)"),
                ("endocrine", "Tamoxifen, vijf jaar"),
            ),
            "Mastectomie met sentinelprocedure. Genetisch onderzoek aanbieden. Adjuvant tamoxifen; chemotherapie volgens"
            " resectiestuk.",
        ),
    ),
    Plot(
        title="Na neoadjuvante therapie",
        ages=(45, 56),
        size=9,
        ki67=28,
        summary="{age}-jarige vrouw, status na neoadjuvante chemotherapie en borstsparende heelkunde {side} {place} wegens"
        " triple-negatief carcinoom (oorspronkelijk cT2 cN1).",
        imaging="Vóór heelkunde: restletsel van {size} mm op MRI, okselklieren genormaliseerd.",
        pathology="Resectiestuk {report}: resttumor van {size} mm, graad 3, snijranden vrij (3 mm), 1/6 klieren positief met"
        " therapie-effect. ER 0 %, PR 0 %, HER2 score 1+, Ki-67 {ki67} %.",
        wishes="Vermoeid na de chemotherapie, wil het beste vervolg maar eerst enkele weken rust.",
        psychosocial="Partner is mantelzorger voor zijn moeder; thuishulp is aangevraagd.",
        question="Capecitabine of immunotherapie verder zetten? Radiotherapie van de oksel?",
        tumour={
            "grade": "3",
            "clinical_tnm": _tnm("2", "1"),
            "post_treatment_tnm": {"edition": "8", "t": "ypT1b", "n": "ypN1a"},
            "margins": "free",
            "closest_margin": "3",
            "axillary_examined": 6,
            "axillary_positive": 1,
            **_receptors(0, 0, "1+"),
        },
        reason="manual_deviation",
        outcome=Outcome(
            "curative",
            (
                ("radiotherapy", "Borst en regionale klieren"),
                ("chemotherapy", "Capecitabine, zes maanden, na de radiotherapie"),
                ("immunotherapy", "Pembrolizumab verderzetten"),
            ),
            "Restziekte: radiotherapie van borst en regionale klieren, pembrolizumab verderzetten en capecitabine toevoegen na de"
            " radiotherapie. Revalidatieprogramma aanbieden.",
            "Combinatie van capecitabine en pembrolizumab: beperkte gegevens, besproken met de patiënt.",
        ),
    ),
)
