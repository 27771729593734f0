"""Tests say what it does."""

from django.db import migrations

from tests.cli.rehearsal import LAST


class Migration(migrations.Migration):
    dependencies = [("kernel", LAST)]
    operations = []
