"""`docs/data-held.md`: every table that holds something of somebody, out of `register.yaml` beside this file and the models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.apps import apps

SOURCE = Path(__file__).with_name("register.yaml")


def groups() -> list[dict[str, Any]]:
    """The groups of tables, as written down."""
    found: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return found


def tables() -> dict[str, dict[str, Any]]:
    """What is said of each table, by its name."""
    return {name: said for group in groups() for name, said in group["tables"].items()}


def columns() -> dict[str, list[str]]:
    """The columns of each table that a model has."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: [field.column for field in model._meta.fields] for model in models}


def lines() -> list[str]:
    """The page below its title."""
    known = columns()
    found = [
        "One row for each table of the database, for the [processing register](processing-register.md) and the",
        "[impact assessment](dpia.md). **Care** marks tables under forced row-level security: PostgreSQL itself shows a row only to whom",
        "the door says is there. *For good* means that nothing in the program deletes it. Ids, times and versions are not repeated.",
    ]
    dull = {"id", "version"}
    for group in groups():
        found += [
            "",
            f"## {group['group']}",
            "",
            group["purpose"],
            "",
            "| table | care | of | holds | kept | columns |",
            "|---|---|---|---|---|---|",
        ]
        for name, said in group["tables"].items():
            named = ", ".join(f"`{each}`" for each in known.get(name, []) if each not in dull)
            care = "✓" if said["care"] else ""
            found.append(f"| `{name}` | {care} | {said['of']} | {said['holds']} | {said['kept']} | {named or '–'} |")
    return found
