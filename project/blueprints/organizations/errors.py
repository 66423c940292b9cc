"""What organizations refuse."""

from project.errors import Conflict


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "slug-taken"
    title = "Slug taken"
    remedy = "Choose another slug, or leave it out and get one made from the name."


class AlreadyAMember(Conflict):
    """This person belongs to the organization already."""

    code = "already-a-member"
    title = "Already a member"
    remedy = "Nothing is left to do: read the members of the organization."
