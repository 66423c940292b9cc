"""The request schema for the deletion of an account."""

from project.http.fields import Password
from project.http.requests.schemas import Body


class AccountDeletionRequest(Body):
    password = Password(required=True)
