"""The public key of a project's deploy key is kept beside it, to be shown again."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0015_alerts")]

    operations = [
        migrations.AddField(
            "project",
            "deploy_key_public",
            models.TextField(
                blank=True, default="", help_text="the line of the public key; empty if it is not known"
            ),
        ),
    ]
