"""Reports on their way out: to record systems by HL7 v2 and FHIR, through a hospital's eHealthBox program, on paper.

``routes.py`` says what a route is told, ``documents.py`` what goes out, ``hl7.py``, ``fhir.py`` and ``folder.py`` how, ``faults.py`` why it did
not. Nothing here writes to the database; that is done by ``meetings/actions/dispatching.py`` and ``routing.py``.
"""
