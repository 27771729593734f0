"""ICD-O-3 topography: where in the body a tumour began."""

from cases.coding.icdo3 import TopographyCode, site_codes


def topography_codes(site: str = "breast") -> tuple[TopographyCode, ...]:
    """The topography codes of a site, in code order. Raises `KeyError` for a site without a list."""
    return site_codes(site).topography


def topography_words(code: str, language: str | None, site: str = "breast") -> str:
    """The words of a code, or the code itself when the list does not hold it (older data, another site)."""
    return next((known.label(language) for known in topography_codes(site) if known.code == code), code)
