"""Which keys every store can keep."""


def ensure_key(key: str) -> str:
    """Return `key`; raises ValueError for one that a store might refuse, or that leaves its folder."""
    names = key.split("/")
    fits = len(key.encode(errors="replace")) <= 900 and all(len(name) <= 60 for name in names)
    # A leading dot is `..`, or a store's own folder.
    if not fits or not key.isprintable() or any(not name or name.startswith(".") for name in names):
        raise ValueError(f"not a storage key: {key[:80]!r}")
    return key
