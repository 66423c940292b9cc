"""Mutants that behave like the original code, or whose effect no test in this run can detect, with the reasons."""

_FILES = "project/blueprints/files"
_RECORDS = "project/infrastructure/idempotency_records.py"
_JOBS = "project/infrastructure/jobs"
_ONLY_POSTGRESQL = "matters only for concurrent transactions, which tests/infrastructure tests on PostgreSQL"
_ONLY_SPEED = "lets PostgreSQL use the index, which tests/worker/tasks/test_added_thumbnail_size.py tests there"
EQUIVALENTS = {
    f"{_JOBS}/claims.py _IS_MINE: drop Job.id == bindparam('job', type_=Uuid)": "each claim id belongs to one job",
    f"{_JOBS}/claims.py _IS_FREE: drop Job.status == 'running'": "only running jobs have a lease",
    f"{_JOBS}/queue.py _is_overdue: drop is_lease_expired": (
        "publish_at of a running job is never before the end of its lease"
    ),
    f"{_RECORDS} _claim_statement: drop is_free": _ONLY_POSTGRESQL,
    f"{_RECORDS} _RECORD: drop IdempotencyRecord.expires_at > bindparam('at', type_=UtcDateTime())": _ONLY_POSTGRESQL,
    f"{_RECORDS} purge_expired: drop is_expired (2)": _ONLY_POSTGRESQL,
    f"{_FILES}/policy.py safe_filename: len(name) > _MAX_FILENAME_LENGTH → len(name) >= _MAX_FILENAME_LENGTH": (
        "truncating a name that has the maximum length does not change it"
    ),
    f"{_FILES}/repository.py _lacks_any: drop has_other_sizes": _ONLY_SPEED,
    f"{_FILES}/repository.py _lacks_any: File.thumbnail_sizes > all_sizes → File.thumbnail_sizes >= all_sizes": (
        _ONLY_SPEED
    ),
    f"{_FILES}/repository.py _IS_RENDERED: True → False": _ONLY_SPEED,
    f"{_FILES}/repository.py _IS_RENDERED: True → False (2)": _ONLY_SPEED,
    f"{_FILES}/repository.py reset_incomplete_thumbnails: True → False": _ONLY_POSTGRESQL,
    f"{_FILES}/repository.py _SHARED: drop File.organization_id.is_not(None)": "every query adds an organization id",
}
