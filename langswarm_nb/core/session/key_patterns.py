"""What the keys of services look like, for all places that must not show one."""

from __future__ import annotations

BEGINNINGS = r"\b(?:sk|pk|rk|gsk|xai|hf|r8|pplx|nvapi|tok|ghp|gho|ghs|glpat|xox[abprs])[-_]"
"""Of the services that mark their keys so; what follows belongs to the key."""

JWT = r"(?<![-\w])eyJ[-\w]{8,}\.[-\w]{8,}(?:\.[-\w]*)?"
"""A JSON Web Token."""

FORMS = (
    r"\bAIza[-\w*]{12,}|\bya29\.[-\w.]{12,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bgithub_pat_\w{20,}"
    r"|\bhf_[A-Za-z0-9]{34}\b"  # letters alone, mostly
    rf"|{JWT}"
)
"""Keys and tokens that are known by more than their beginning."""
