"""What the reader of an error can do next: each step by its name, with the words for a caller in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NEXT_STEPS = {
    "set_key": 'Pass it as `api_key`, or set the environment variable {variable}: `os.environ["{variable}"] = "…"`.',
    "pass_key": "Pass it as `api_key`.",
    "check_key": "Check the key ({key_source}), and that it may use {model}.",
    "allow_http": "Use https, or pass allow_http=True for a network that you trust.",
    "check_model": "Check the model's name ({model}) and base_url; `list_models()` tells what there is.",
    "other_api": (
        "The server there may not speak the API of {provider!r}: try the provider {other!r} with the same base_url."
    ),
    "send_less": "Set max_messages or max_context_tokens to send less, or begin a new session.",
    "send_smaller": (
        "The request is larger than the service, or a proxy before it (nginx: client_max_body_size), takes: "
        "set max_messages or max_context_tokens to send less, or begin a new session."
    ),
    "change_request": "Change the request as it says.",
    "leave_out": "Change or leave out {param!r}.",
    "add_credit": "Add credit or raise the limit of the account; waiting does not help.",
    "wait": "Ask again in {seconds} s.",
    "send_later": "Ask again later.",
    "send_again": "Ask again.",
    "allow_time": "Raise timeout_s, or ask again.",
    "name_address": "Pass base_url='https://…'{variable}.",
    "start_server": "Start the server there, or correct base_url.",
    "check_network": "Check the network, the proxy settings and base_url.",
    "check_proxy": "Check that proxy, or the variable; NO_PROXY names hosts that need none.",
    "set_proxy": "Correct or unset {variable}.",
    "install_socks": "`pip install socksio`, or unset {variable}.",
    "set_certificates": "Correct or unset {variable}.",
    "trust": (
        "If an authority of your own network signed it, name its file in SSL_CERT_FILE, or "
        "`pip install truststore` to use the certificates of the system."
    ),
    "write_https": "That port seems to speak https: write https:// in base_url.",
    "write_http": "If the server there speaks plain http, write http:// in base_url.",
    "correct_address": "Correct base_url.",
    "check_address": "Check base_url, and whether a proxy answers in its place.",
}
"""Name of a next step -> how an error says it to a caller in Python; the notebook has its own words for some."""


class NextStep(NamedTuple):
    """What the reader of an error can do next."""

    name: str
    """One of `NEXT_STEPS`."""
    text: str
    """The sentence that the error's text ends in."""
    facts: Mapping[str, str]
    """What is filled in."""


def next_step(name: str, **facts: str) -> NextStep:
    """Return a next step, in the words for a caller in Python."""
    return NextStep(name, NEXT_STEPS[name].format(**facts), facts)
