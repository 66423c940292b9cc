"""Requests with an idempotency key that are interrupted: repeated with it, they succeed whatever was done before."""

from uuid import uuid4

from project.config import current_settings
from project.infrastructure.idempotency_records import IdempotencyRecord
from tests.interruptions import request_flows
from tests.interruptions.flows import Flow, all_or_none, counted
from tests.interruptions.job_flows import objects


class Keyed(Flow):
    """What it does commits together with the answer to its key, or not at all."""

    def prepare(self) -> None:
        super().prepare()
        self.order["headers"] = {**self.order["headers"], "Idempotency-Key": str(uuid4())}
        self.kept_before = counted(IdempotencyRecord)

    def is_done(self) -> bool:
        return all_or_none(super().is_done(), counted(IdempotencyRecord) - self.kept_before)

    def repeat(self, *, done: bool) -> None:
        for is_replayed in (done, True):
            answer = self.world.api.client.open(**self.sent())
            assert answer.status_code == 201, answer.get_data(as_text=True)
            assert ("Idempotency-Replayed" in answer.headers) is is_replayed

    def sent(self) -> dict[str, object]:
        """The order as a test client takes it."""
        return self.order


class Register(Keyed, request_flows.Register):
    pass


class CreateOrganization(Keyed, request_flows.CreateOrganization):
    pass


class Invite(Keyed, request_flows.Invite):
    pass


class Upload(Keyed, request_flows.Upload):
    def repeat(self, *, done: bool) -> None:
        """The bytes that are sent again are not kept again."""
        before = self.objects()
        super().repeat(done=done)
        assert self.objects() == before + (not done)

    def sent(self) -> dict[str, object]:
        return {**self.order, "data": self.order["data"].encode("latin-1")}

    def objects(self) -> int:
        return len(objects(current_settings().data_dir / "files"))
