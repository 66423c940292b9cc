"""Validates storage keys, so that every store accepts them."""


def ensure_key(key: str) -> str:
    """Return `key`. Raises ValueError if a store might reject it, or if it would escape the storage folder."""
    names = key.split("/")
    is_short_enough = len(key.encode(errors="replace")) <= 900 and all(len(name) <= 60 for name in names)
    # A name with a leading dot could be `..` or an internal folder of a store.
    if not is_short_enough or not key.isprintable() or any(not name or name.startswith(".") for name in names):
        raise ValueError(f"not a storage key: {key[:80]!r}")
    return key
