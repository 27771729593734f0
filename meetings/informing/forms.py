"""What somebody says when a patient was informed."""

from django import forms
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id
from meetings.forms import CommandForm, VersionedForm
from meetings.models import Handover, InformedStatement


class _Statement(VersionedForm):
    statement_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


class InformedForm(_Statement):
    """By whom, when, how, and words for the patient."""

    informer = forms.CharField(label=_("Who informed the patient"), max_length=200)
    informed_on = forms.DateField(
        label=_("Day"), widget=forms.DateInput(attrs={"type": "date", "class": "input-date"}, format="%Y-%m-%d")
    )
    manner = forms.ChoiceField(label=_("How"), required=False, choices=[("", "–"), *InformedStatement.How.choices])
    words = forms.CharField(
        label=_("Words for the patient"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_(
            "They stand on the summary that you can print for the patient, under your name. They are no part of the signed decision."
        ),
    )


class NotInformedForm(_Statement):
    """It was said by mistake."""


class HandoverForm(CommandForm):
    """The summary was given to the patient."""

    handover_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)
    way = forms.ChoiceField(label=_("How"), choices=Handover.Way.choices)
