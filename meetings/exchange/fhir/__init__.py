"""Decisions, their documents and the steps towards them as FHIR R4 (DOMAIN §5)."""
