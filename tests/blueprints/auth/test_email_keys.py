"""`email_key` for every address that the `Email` field accepts."""

import unicodedata

import idna
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from project.blueprints.auth.policy import email_key
from project.http.fields import Email

# Letters with several spellings, digits and marks of several scripts, joiners, and a character that IDNA rejects.
LETTERS = st.sampled_from("abxzAZ09-_ßẞİıſςΣéÉñ·ーא١أ۱रि\u094d\u0307\u0327\u200d\uff21\uff41ⓔ👍")
LABELS = st.text(LETTERS, min_size=1, max_size=5)
DOTS = st.sampled_from(".\u3002\uff0e\uff61")
DOMAINS = st.builds(str.join, DOTS, st.lists(LABELS, min_size=1, max_size=3))
ADDRESSES = st.builds("{}@{}.{}".format, LABELS, DOMAINS, st.sampled_from(["com", "COM", "рф", "xn--p1ai", "local"]))


def accepted(address: str) -> str:
    """Return the address as the field returns it. Skips the example if the field rejects it."""
    try:
        return str(Email().deserialize(address))
    except ValidationError:
        reject()


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(ADDRESSES)
@example("ada@b\u00fccher\u3002example")
@example("I\u0307\u0327@example.com")
def test_every_spelling_of_an_accepted_address_has_the_same_ascii_domain_and_key(address: str) -> None:
    email = accepted(address)
    key = email_key(email)
    ascii_domain = key.rpartition("@")[2]
    decoded = email.rpartition("@")[0] + "@" + idna.decode(ascii_domain)
    assert ascii_domain.isascii()
    assert {email_key(spelling) for spelling in (key, decoded, unicodedata.normalize("NFD", email))} == {key}


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("\uff21da@\uff25xample.com", "\uff41da@example.com"),
        ("stra\u00dfe@stra\u00dfe.example", "stra\u00dfe@xn--strae-oqa.example"),
        ("\u017fam@\u017fam.example", "\u017fam@sam.example"),
        # Accepted by an earlier version of a library.
        ("Ada@\U0001f44d.Example", "ada@\U0001f44d.example"),
    ],
    ids=ascii,
)
def test_key_of_address(email: str, key: str) -> None:
    assert email_key(email) == key
