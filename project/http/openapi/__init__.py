"""The OpenAPI 3.1 document: generated from the routes by flask-smorest, then completed with the shared conventions."""

from project.http.openapi.api import Api, api_document, init_app
from project.http.openapi.blueprint import Blueprint

__all__ = ["Api", "Blueprint", "api_document", "init_app"]
