"""Errors raised by the organizations blueprint."""

from project.errors import Conflict


class SlugTaken(Conflict):
    """Another organization already uses this slug."""

    code = "slug-taken"
    title = "Slug taken"
    remedy = "Choose a different slug, or omit it to have one derived from the name."


class AlreadyAMember(Conflict):
    """This user is already a member of the organization."""

    code = "already-a-member"
    title = "Already a member"
    remedy = "No action is needed."


class LastOwner(Conflict):
    """You are the only owner of an organization."""

    code = "last-owner"
    title = "Last owner"
    remedy = "Invite another owner to each organization that you own, then repeat the request."
