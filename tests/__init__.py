"""Tests of langswarm_nb; folders: unit, contract, notebook, e2e, bench."""
