"""The ASCII form of internationalized email domains."""

import idna


def ascii_domain(domain: str) -> str:
    """Return a domain with its labels as A-labels: `bücher.example` is `xn--bcher-kva.example` (UTS 46, IDNA 2008).

    A domain that IDNA rejects is returned in lowercase: an earlier version of the `idna` package may have accepted it,
    so it may be part of a stored address.
    """
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain.lower()
