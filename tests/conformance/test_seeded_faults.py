"""The conformance suite detects common mistakes: each seeded fault fails the check listed for it."""

import pytest

from tests.conformance.checks import CHECKS
from tests.conformance.operation import operations_of
from tests.conformance.world import World

FAULTS = {
    ("public_routes_declare_a_reason", "list_publicly"),
    ("successful_response_matches_the_document", "dump_row"),
    ("response_to_a_repeated_request_matches_the_document", "abort_with_text"),
    ("lists_are_paginated", "list_all"),
    ("retry_with_a_key_replays_the_response", "create_twice"),
    ("response_to_a_repeated_request_matches_the_document", "raise_undocumented"),
    ("resources_are_hidden_from_other_users", "get_of_any_user"),
    ("every_user_has_access_to_the_same_resources", "hide_from_other_users"),
    ("created_resources_have_the_sent_members", "forget_optional_member"),
    ("filters_select_only_matching_items", "ignore_filter"),
    ("text_numbers_and_lists_are_bounded", "accept_any_length"),
    ("routes_that_hash_passwords_or_send_email_declare_limits", "send_unlimited_mail"),
    ("routes_that_hash_passwords_or_send_email_declare_limits", "guess_without_limit"),
    ("routes_that_send_email_are_limited_per_user", "limit_mail_per_client"),
    ("reads_do_not_write", "read_and_write"),
    ("updates_with_a_stale_etag_are_rejected", "update_any_version"),
}


@pytest.fixture(scope="module")
def failures(world_with_faults: World) -> set[tuple[str, str]]:
    """The (check, operation) pairs that fail in the faulty blueprint."""
    world = world_with_faults
    operations = [operation for operation in world.operations if "seeded" in operation.path]
    return {
        (check.name, operation.name) for operation in operations for check in CHECKS if check.fails(operation, world)
    }


@pytest.mark.parametrize(("check", "operation"), sorted(FAULTS))
def test_seeded_fault_fails_the_expected_check(failures: set[tuple[str, str]], check: str, operation: str) -> None:
    assert (check, operation) in failures


def test_only_routes_with_seeded_faults_fail_checks(failures: set[tuple[str, str]]) -> None:
    assert {operation for _check, operation in failures} == {operation for _check, operation in FAULTS}


def test_requests_for_all_seeded_routes_can_be_generated(world_with_faults: World) -> None:
    assert world_with_faults.operations == operations_of(world_with_faults.app)
