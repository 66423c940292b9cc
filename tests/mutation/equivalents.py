"""Mutants that behave like the original code, or whose effect no test in this run can detect, with the reasons."""

_AUTH = "project/blueprints/auth"
_FILES = "project/blueprints/files"
_RECORDS = "project/infrastructure/idempotency_records.py"
_JOBS = "project/infrastructure/jobs"
_ONLY_POSTGRESQL = "matters only for concurrent transactions, which tests/infrastructure tests on PostgreSQL"
_ONLY_SPEED = "lets PostgreSQL use the index, which tests/worker/tasks/test_added_thumbnail_size.py checks"
_ONLY_PLANS = "lets PostgreSQL use the index, which tests/blueprints/test_listing_cost.py checks"
_ARBITRARY = "an arbitrary number that no caller relies on"


def _close_to(key: str, value: int) -> dict[str, str]:
    """Return the mutants that replace an arbitrary number with its neighbors."""
    return {f"project/blueprints/{key}: {value} → {value + step}": _ARBITRARY for step in (1, -1)}


EQUIVALENTS = {
    f"{_JOBS}/claims.py _IS_MINE: drop Job.id == bindparam('job', type_=Uuid)": "each claim id belongs to one job",
    f"{_JOBS}/claims.py _IS_FREE: drop Job.status == 'running'": "only running jobs have a lease",
    f"{_JOBS}/queue.py _is_overdue: drop is_lease_expired": (
        "publish_at of a running job is never before the end of its lease"
    ),
    f"{_RECORDS} _claim_statement: drop is_free": _ONLY_POSTGRESQL,
    f"{_RECORDS} _RECORD: drop IdempotencyRecord.expires_at > bindparam('at', type_=UtcDateTime())": _ONLY_POSTGRESQL,
    f"{_FILES}/policy.py safe_filename: len(name) > _MAX_FILENAME_LENGTH → len(name) >= _MAX_FILENAME_LENGTH": (
        "truncating a name that has the maximum length does not change it"
    ),
    f"{_FILES}/repository.py _lacks_any: drop has_other_sizes": _ONLY_SPEED,
    f"{_FILES}/repository.py _lacks_any: File.thumbnail_sizes > all_sizes → File.thumbnail_sizes >= all_sizes": (
        _ONLY_SPEED
    ),
    f"{_FILES}/repository.py _lacks_any: File.thumbnail_sizes < all_sizes → File.thumbnail_sizes <= all_sizes": (
        _ONLY_SPEED
    ),
    f"{_FILES}/repository.py _IS_RENDERED: True → False": _ONLY_SPEED,
    f"{_FILES}/repository.py _IS_RENDERED: True → False (2)": _ONLY_SPEED,
    f"{_FILES}/repository.py _SHARED: drop File.organization_id.is_not(None)": "every query adds an organization id",
    f"{_FILES}/repository.py _SHARED_TRASH: True → False": _ONLY_PLANS,
    "project/blueprints/invitations/repository.py _is_overdue: True → False": _ONLY_PLANS,
    f"{_AUTH}/repository/users.py _LOCK_USER: True → False": "a stronger lock has the same effect",
    f"{_AUTH}/repository/sessions.py _UNCHANGED_USER: True → False": "a stronger lock has the same effect",
    f"{_FILES}/policy.py safe_filename: 4 → 5": "only bounds the time that normalization takes",
    f"{_FILES}/service/uploads.py store_upload: True → False": "a stored upload is not purged in either case",
    **_close_to("files/service/thumbnails.py _MAX_ACTIVE_JOBS", 100),
    **_close_to("files/service/trash.py _BATCH_SIZE", 100),
    **_close_to("files/service/trash.py _STUCK_PURGE_SECONDS", 600),
    **_close_to("invitations/service.py _BATCH_SIZE", 1000),
    **_close_to("organizations/service.py _RANDOM_SLUGS", 5),
}
