"""Requests to interrupt that have an idempotency key. A retry with the same key always succeeds."""

from uuid import uuid4

from project.config import current_settings
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.interruptions import request_flows
from tests.interruptions.flows import Flow, all_or_none, count_rows
from tests.interruptions.job_flows import list_objects


class Keyed(Flow):
    """A request whose effect and idempotency record are committed together or not at all."""

    def prepare(self) -> None:
        super().prepare()
        self.operation["headers"] = {**self.operation["headers"], "Idempotency-Key": str(uuid4())}
        self.records_before = count_rows(IdempotencyRecord)

    def is_done(self) -> bool:
        return all_or_none(super().is_done(), count_rows(IdempotencyRecord) - self.records_before)

    def repeat(self, *, done: bool) -> None:
        for is_replayed in (done, True):
            response = self.world.api.client.open(**self.request_options())
            assert response.status_code == 201, response.get_data(as_text=True)
            assert ("Idempotency-Replayed" in response.headers) is is_replayed

    def request_options(self) -> dict[str, object]:
        """Return the test client's arguments for the operation."""
        return self.operation


class Register(Keyed, request_flows.Register):
    pass


class CreateOrganization(Keyed, request_flows.CreateOrganization):
    pass


class Invite(Keyed, request_flows.Invite):
    pass


class Upload(Keyed, request_flows.Upload):
    def repeat(self, *, done: bool) -> None:
        """Also check that a replayed upload does not store the content again."""
        before = self.count_objects()
        super().repeat(done=done)
        assert self.count_objects() == before + (not done)

    def request_options(self) -> dict[str, object]:
        return {**self.operation, "data": self.operation["data"].encode("latin-1")}

    def count_objects(self) -> int:
        return len(list_objects(current_settings().data_dir / "files"))
