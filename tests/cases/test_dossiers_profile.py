"""The receptor profile of a breast tumour, held against what is published.

- The profiles: the St Gallen consensus of 2017, Curigliano et al., Ann Oncol 2017;28:1700, table 3 (doi 10.1093/annonc/mdx308): triple
  negative is ER, PR and HER2 negative; hormone receptor positive is ER and/or PR positive, from 1 %; HER2 is as ASCO/CAP say. Its
  luminal A-like and B-like are one here.
- ER and PR: Allison et al., ASCO/CAP, J Clin Oncol 2020;38:1346. From 1 % of the cells a receptor is positive; "low positive" (ER 1 to 10 %)
  is positive.
- HER2: Wolff et al., ASCO/CAP, J Clin Oncol 2018;36:2105. 3+ is positive, 0 and 1+ are negative, 2+ is what in situ hybridisation says;
  what is amplified is positive.
"""

from itertools import product

import pytest

from cases.dossiers import dossier
from cases.dossiers.profile import profile, receptor_profiles

HORMONE = ("positive", "low_positive", "negative", "not_done", None)
IHC = ("0", "1+", "2+", "3+", "not_done", None)
ISH = ("amplified", "not_amplified", "equivocal", "pending", None)

# What ASCO/CAP make of each score with each result of ISH: + positive, - negative, ? not known.
HER2 = {
    # amplified, not amplified, equivocal, pending, none
    "0": "+----",
    "1+": "+----",
    "2+": "+-???",
    "3+": "+++++",
    "not_done": "+-???",
    None: "+-???",
}
# What St Gallen make of ER (rows) and PR (columns): positive, low positive, negative, not done, none.
RECEPTORS = {
    "positive": "+++++",
    "low_positive": "+++++",
    "negative": "++-??",
    "not_done": "++???",
    None: "++???",
}
PROFILES = {
    ("+", "+"): "hr_positive_her2_positive",
    ("-", "+"): "hr_negative_her2_positive",
    ("+", "-"): "hr_positive_her2_negative",
    ("-", "-"): "triple_negative",
}


def told(er: str | None, pr: str | None, ihc: str | None, ish: str | None) -> list[str]:
    answers = {"er_status": er, "pr_status": pr, "her2_ihc": ihc, "her2_ish": ish}
    return profile({"dossier": "breast", **{key: value for key, value in answers.items() if value is not None}})


@pytest.mark.parametrize(("er", "pr"), list(product(HORMONE, HORMONE)))
def test_the_receptor_profile_is_the_published_one(er: str | None, pr: str | None) -> None:
    hormone = RECEPTORS[er][HORMONE.index(pr)]
    for ihc, ish in product(IHC, ISH):
        expected = PROFILES.get((hormone, HER2[ihc][ISH.index(ish)]))
        assert told(er, pr, ihc, ish) == ([f"receptors:{expected}"] if expected else []), (ihc, ish)


def test_the_table_holds_every_answer_of_the_dossier() -> None:
    asked = {field.key: [each.value for each in field.choices] for field in dossier("breast").fields("tumour")}
    assert asked["er_status"] == asked["pr_status"] == list(HORMONE[:-1])
    assert (asked["her2_ihc"], asked["her2_ish"]) == (list(IHC[:-1]), list(ISH[:-1]))
    assert [each.code for each in receptor_profiles()] == list(PROFILES.values())
